# mmaction2's ST-GCN on Kinetics-10.
_base_ = './_base_/kinetics10.py'
model = dict(backbone=dict(backbone=dict(type='STGCN', graph_cfg=dict(layout=_base_.graph, mode='stgcn_spatial'))))
