# CTR-GCN at CPU size on SBU, taught by kernel ridge regression: as asea_taught_sbu.py, the same recipe.
_base_ = [
    './_base_/models/ctrgcn.py',
    './_base_/datasets/sbu_taught.py',
    './_base_/schedules/sbu.py',
    './_base_/default_runtime.py',
]
custom_hooks = [*_base_.custom_hooks, _base_.teacher]
model = dict(
    backbone=dict(layout='sbu15', in_channels=6, channels=(64, 64, 128, 128, 128), strides=(1, 2, 2, 1, 1)),
    cls_head=dict(num_classes=8, in_channels=128, dropout=0.3),
)
