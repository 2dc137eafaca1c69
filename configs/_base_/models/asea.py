# ASEA as in the paper: 64-128-256 channels, ten blocks, AEA in every block.
# A leaf sets the layout, the number of classes and, for early-fused streams, in_channels.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(type='ASEA', layout='nturgbd25', in_channels=3, interaction=dict()),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=256),
    loss_reg=dict(type='ThresholdRegularization', loss_weight=0.1, target=0.5),
)
