# CTR-GCN (Chen et al., ICCV 2021) on Kinetics-10.
_base_ = './_base_/kinetics10.py'
model = dict(backbone=dict(backbone=dict(type='CTRGCN', layout='openpose18')))
