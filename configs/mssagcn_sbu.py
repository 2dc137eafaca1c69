# MSSAGCN at CPU size on SBU Kinect Interaction, joints and motion fused early, five folds: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/mssagcn.py',
    './_base_/datasets/sbu.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(
    backbone=dict(layout='sbu15', in_channels=6, channels=(64, 64, 128, 128, 128), strides=(1, 2, 2, 1, 1)),
    cls_head=dict(num_classes=8, in_channels=128, dropout=0.3, label_smooth_eps=0.1),
)
