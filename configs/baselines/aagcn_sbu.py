# mmaction2's AAGCN, 2s-AGCN with attention (gcn_attention=False: 2s-AGCN), at CPU size on SBU.
_base_ = './_base_/sbu.py'
model = dict(
    backbone=dict(
        backbone=dict(
            type='AAGCN',
            graph_cfg=dict(layout=_base_.graph, mode='spatial'),
            num_stages=5,
            inflate_stages=[3],
            down_stages=[2, 3],
            data_bn_type='VC',
        )
    )
)
