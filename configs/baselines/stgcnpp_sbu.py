# mmaction2's ST-GCN++ (Duan et al., PYSKL, 2022) at CPU size on SBU.
_base_ = './stgcn_sbu.py'
model = dict(
    backbone=dict(
        backbone=dict(graph_cfg=dict(mode='spatial'), gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn')
    )
)
