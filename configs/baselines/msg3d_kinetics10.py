# MS-G3D (Liu et al., CVPR 2020) on Kinetics-10.
_base_ = './_base_/kinetics10.py'
model = dict(
    backbone=dict(backbone=dict(type='MSG3D', layout='openpose18', num_scales=8, window_scales=8)),
    cls_head=dict(in_channels=384),
)
