# MS-G3D (Liu et al., CVPR 2020) on NTU-26.
_base_ = './_base_/ntu26.py'
model = dict(backbone=dict(backbone=dict(type='MSG3D', layout='nturgbd25')), cls_head=dict(in_channels=384))
