# ASEA at a size for CPUs and small datasets: a quarter of the arithmetic.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(
        type='ASEA',
        layout='nturgbd25',
        in_channels=3,
        channels=(32, 32, 32, 32, 64, 64, 64, 128, 128, 128),
        interaction=dict(),
    ),
    cls_head=dict(type='InteractionHead', num_classes=26, in_channels=128),
    loss_reg=dict(type='ThresholdRegularization', loss_weight=0.1, target=0.5),
)
