# MS-G3D (Liu et al., CVPR 2020) at CPU size on SBU.
_base_ = './_base_/sbu.py'
model = dict(
    backbone=dict(backbone=dict(type='MSG3D', layout='sbu15', channels=(48, 96, 192))), cls_head=dict(in_channels=192)
)
