# mmaction2's AAGCN, 2s-AGCN with attention (gcn_attention=False: 2s-AGCN): 64-128-256 channels, ten blocks, persons
# apart, but for the batch norm of the input, which tells the first from the second.
# A leaf sets the graph's layout, the number of classes and, for early-fused streams, in_channels.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(type='AAGCN', graph_cfg=dict(mode='spatial'), in_channels=3),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=256),
)
