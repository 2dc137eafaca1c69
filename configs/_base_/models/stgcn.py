# mmaction2's ST-GCN, as in its paper: 64-128-256 channels, ten blocks, persons apart.
# A leaf sets the graph's layout, the number of classes and, for early-fused streams, in_channels.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(type='STGCN', graph_cfg=dict(mode='stgcn_spatial'), in_channels=3),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=256),
)
