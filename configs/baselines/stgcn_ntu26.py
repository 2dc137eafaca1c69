# mmaction2's ST-GCN on NTU-26.
_base_ = './_base_/ntu26.py'
model = dict(backbone=dict(backbone=dict(type='STGCN', graph_cfg=dict(layout=_base_.graph, mode='stgcn_spatial'))))
