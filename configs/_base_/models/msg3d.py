# MS-G3D as in its paper: 96-192-384 channels, three blocks of three pathways, persons apart.
# A leaf sets the layout, the number of classes and, for early-fused streams, in_channels.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(type='MSG3D', layout='nturgbd25', in_channels=3),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=384),
)
