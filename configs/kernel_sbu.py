# Kernel ridge regression on quantiles over time, on SBU: a network-free baseline. Five folds: --fold 1 ... --fold 5.
_base_ = [
    './_base_/models/kernel.py',
    './_base_/datasets/sbu_statistics.py',
    './_base_/schedules/fit.py',
    './_base_/default_runtime.py',
]
custom_hooks = [dict(type='FitHeadHook', interval=16)]
default_hooks = dict(checkpoint=dict(interval=16))  # an earlier one would have lost the copies made so far
model = dict(
    # joints and motions 3 channels each, distances to the 15 joints of the partner and their motions 15 each
    backbone=dict(layout='sbu15', in_channels=36),
    cls_head=dict(num_classes=8, ridges=(0.003, 0.03), bandwidths=(0.25, 0.5, 1.0)),
)
