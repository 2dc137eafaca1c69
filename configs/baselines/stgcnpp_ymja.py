# mmaction2's ST-GCN++ (Duan et al., PYSKL, 2022) at CPU size on YMJA.
_base_ = './_base_/ymja.py'
model = dict(
    backbone=dict(
        backbone=dict(
            type='STGCN',
            graph_cfg=dict(layout=_base_.graph, mode='spatial'),
            num_stages=5,
            inflate_stages=[3],
            down_stages=[2, 3],
            gcn_adaptive='init',
            gcn_with_res=True,
            tcn_type='mstcn',
        )
    )
)
