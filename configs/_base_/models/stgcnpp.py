# mmaction2's ST-GCN++ (Duan et al., PYSKL, 2022): 64-128-256 channels, ten blocks, persons apart.
# A leaf sets the graph's layout, the number of classes and, for early-fused streams, in_channels.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(
        type='STGCN',
        graph_cfg=dict(mode='spatial'),
        in_channels=3,
        gcn_adaptive='init',
        gcn_with_res=True,
        tcn_type='mstcn',
    ),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=256),
)
