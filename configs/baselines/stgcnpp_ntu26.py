# mmaction2's ST-GCN++ (Duan et al., PYSKL, 2022) on NTU-26.
_base_ = './stgcn_ntu26.py'
model = dict(
    backbone=dict(
        backbone=dict(graph_cfg=dict(mode='spatial'), gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn')
    )
)
