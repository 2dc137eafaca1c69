# MSSAGCN on the 26 interactions of NTU RGB+D 120, joint stream, X-Sub: --split xset, --stream joint_motion, ...
_base_ = [
    './_base_/models/mssagcn.py',
    './_base_/datasets/ntu26.py',
    './_base_/schedules/sgd_65e.py',
    './_base_/default_runtime.py',
]
model = dict(cls_head=dict(num_classes=26))
