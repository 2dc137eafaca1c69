# CTR-GCN (Chen et al., ICCV 2021) on NTU-26.
_base_ = './_base_/ntu26.py'
model = dict(backbone=dict(backbone=dict(type='CTRGCN', layout='nturgbd25')))
