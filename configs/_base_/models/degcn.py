# DeGCN, one stream: 64-128-256 channels, ten blocks, persons apart.
# A leaf sets the layout, the number of classes and, for early-fused streams, in_channels.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(type='DeGCN', layout='nturgbd25', in_channels=3),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=256),
)
