# MSSAGCN on NTU RGB+D 60, joint stream, X-Sub: --split xview for X-View. The paper fuses joint and motion:
# train a second model with --stream joint_motion and average the scores of the two.
_base_ = [
    './_base_/models/mssagcn.py',
    './_base_/datasets/ntu60.py',
    './_base_/schedules/sgd_65e.py',
    './_base_/default_runtime.py',
]
