# ASEA at CPU size on SBU, taught by kernel ridge regression: labels softened by what it says of samples left out.
_base_ = [
    './_base_/models/asea_small.py',
    './_base_/datasets/sbu_taught.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
custom_hooks = [*_base_.custom_hooks, _base_.teacher]
model = dict(
    backbone=dict(layout='sbu15', in_channels=6, downsample='conv', interaction=dict(gate=True)),
    cls_head=dict(num_classes=8, dropout=0.3),
)
