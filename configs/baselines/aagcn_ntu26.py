# mmaction2's AAGCN, 2s-AGCN with attention (gcn_attention=False: 2s-AGCN), on NTU-26.
_base_ = './_base_/ntu26.py'
model = dict(backbone=dict(backbone=dict(type='AAGCN', graph_cfg=dict(layout=_base_.graph, mode='spatial'))))
