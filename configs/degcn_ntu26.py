# DeGCN on the 26 interactions of NTU RGB+D 120, joint stream, X-Sub: --split xset, --stream bone, ...
_base_ = [
    './_base_/models/degcn.py',
    './_base_/datasets/ntu26.py',
    './_base_/schedules/sgd_110e.py',
    './_base_/default_runtime.py',
]
