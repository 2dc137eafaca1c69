# Kernel ridge regression on quantiles over time: no network, what any of them has to beat. --fold 1 ... --fold 5.
_base_ = '../asea_sbu.py'
stream = ['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion']
generate = dict(type='GenerateStream', stream=stream, true_speed=True, motion_scale=4.0, distance_scale=0.2)
pack = [dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs', meta_keys=('frame_dir',))]
# Whole clips in training as in tests, since of a piece the extremes are others, and from either side, since the
# statistics of first and second person are not exchanged for one another.
train_pipeline = [
    dict(type='SwapPersons'),
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32),
    dict(type='RandomRotation3D', angles=(10, 20, 10)),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    dict(type='AddTurnedClips'),
    generate,
    *pack,
]
test_pipeline = [
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='SampleClip', clip_len=32),
    dict(type='AddTurnedClips'),
    generate,
    *pack,
]
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(
    # joints and motions 3 channels each, distances to the 15 joints of the partner and their motions 15 each
    backbone=dict(_delete_=True, type='ClipStatistics', layout='sbu15', in_channels=36),
    cls_head=dict(
        _delete_=True,
        type='KernelRidgeHead',
        num_classes=8,
        ridges=(0.003, 0.03),
        bandwidths=(0.25, 0.5, 1.0),
    ),
)
# Every epoch adds a copy of each sample; after the last one the head is fitted in closed form. Nothing is left for the
# optimizer to do, and an earlier checkpoint would have lost the copies made so far.
train_cfg = dict(max_epochs=16, val_interval=16)
custom_hooks = [dict(type='FitHeadHook', interval=16)]
default_hooks = dict(checkpoint=dict(interval=16))
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []
