# DeGCN (Myung et al., 2024), one stream, on NTU-26.
_base_ = './_base_/ntu26.py'
model = dict(backbone=dict(backbone=dict(type='DeGCN', layout='nturgbd25')))
