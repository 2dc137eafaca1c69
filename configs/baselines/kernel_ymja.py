# Kernel ridge regression on quantiles over time, as kernel_sbu.py, on YMJA: 2-D. --fold 1 ... --fold 5.
# Eight copies of each clip: with 25 joints and their distances a row is long. Persons have roles and keep their places.
_base_ = '../asea_ymja.py'
stream = ['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion']
pack = [
    dict(type='GenerateStream', stream=stream, true_speed=True, motion_scale=4.0, distance_scale=0.2),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_pipeline = [
    *_base_.prepare,
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    *pack,
]
test_pipeline = [*_base_.prepare, dict(type='SampleClip', clip_len=32), *pack]
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    # joints and motions 2 channels each, distances to the 25 joints of the partner and their motions 25 each, the score
    backbone=dict(_delete_=True, type='ClipStatistics', layout='body25', in_channels=55),
    cls_head=dict(
        _delete_=True,
        type='KernelRidgeHead',
        num_classes=5,
        ridges=(0.003, 0.03, 0.3),
        bandwidths=(0.25, 0.5, 1.0),
    ),
)
# As in kernel_sbu.py, nothing is left for the optimizer, and the head is fitted after the last epoch.
train_cfg = dict(max_epochs=8, val_interval=8)
custom_hooks = [dict(type='FitHeadHook', interval=8)]
default_hooks = dict(checkpoint=dict(interval=8))
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []
