# mmaction2's ST-GCN at CPU size on SBU.
_base_ = './_base_/sbu.py'
model = dict(
    backbone=dict(
        backbone=dict(
            type='STGCN',
            graph_cfg=dict(layout=_base_.graph, mode='stgcn_spatial'),
            num_stages=5,
            inflate_stages=[3],
            down_stages=[2, 3],
        )
    )
)
