# MSSAGCN at CPU size on YMJA, as mssagcn_sbu.py is on SBU. --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/mssagcn.py',
    './_base_/datasets/ymja.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(
    backbone=dict(layout='body25', in_channels=5, channels=(64, 64, 128, 128, 128), strides=(1, 2, 2, 1, 1)),
    cls_head=dict(num_classes=5, in_channels=128, dropout=0.3, label_smooth_eps=0.1),
)
