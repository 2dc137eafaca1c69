# DeGCN (Myung et al., 2024), one stream, on Kinetics-10.
_base_ = './_base_/kinetics10.py'
model = dict(backbone=dict(backbone=dict(type='DeGCN', layout='openpose18')))
