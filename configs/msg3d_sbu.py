# MS-G3D at CPU size on SBU Kinect Interaction, joints and motion fused early, five folds: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/msg3d.py',
    './_base_/datasets/sbu.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
model = dict(
    backbone=dict(layout='sbu15', in_channels=6, channels=(48, 96, 192)),
    cls_head=dict(num_classes=8, in_channels=192, dropout=0.3, label_smooth_eps=0.1),
)
