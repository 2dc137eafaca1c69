# ASEA on NTU RGB+D 60, joint stream, X-Sub: --split xview, --stream bone, ...
_base_ = [
    './_base_/models/asea.py',
    './_base_/datasets/ntu60.py',
    './_base_/schedules/sgd_110e.py',
    './_base_/default_runtime.py',
]
model = dict(cls_head=dict(num_classes=60))
