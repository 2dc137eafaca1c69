# CTR-GCN (Chen et al., ICCV 2021) at CPU size on SBU.
_base_ = './_base_/sbu.py'
model = dict(
    backbone=dict(
        backbone=dict(type='CTRGCN', layout='sbu15', channels=(64, 64, 128, 128, 128), strides=(1, 2, 2, 1, 1))
    )
)
