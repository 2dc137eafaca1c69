# Quantiles of the joints over time and kernel ridge regression, fitted in closed form: what any network has to beat.
# A leaf sets the layout, in_channels and the number of classes. custom_hooks are a list: those of the runtime are lost.
model = dict(
    type='InteractionRecognizer',
    backbone=dict(type='ClipStatistics', in_channels=3),
    cls_head=dict(type='KernelRidgeHead', num_classes=26),
)
