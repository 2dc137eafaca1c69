# Kernel ridge regression on your own recordings in space, of any layout that common13 can be made of: minutes on a CPU.
# asea prepare custom writes the file; --cfg-options {train,val,test}_dataloader.dataset.ann_file=FILE
# model.cls_head.num_classes=N. It has splits train and val, or folds: --fold K.
_base_ = './_base_/default_runtime.py'
first = [dict(type='MapLayout', layout='common13'), dict(type='CentrePair'), dict(type='AlignFacing')]
last = [
    dict(type='AddTurnedClips'),
    dict(
        type='GenerateStream',
        stream=['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion'],
        true_speed=True,
        motion_scale=4.0,
        distance_scale=0.2,
    ),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
# Whole clips in training as in tests, since of a piece the extremes are others, and from either side, since the
# statistics of first and second person are not exchanged for one another.
train_pipeline = [
    dict(type='SwapPersons'),
    *first,
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32),
    dict(type='RandomRotation3D', angles=(10, 20, 10)),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    *last,
]
test_pipeline = [*first, dict(type='SampleClip', clip_len=32), *last]
source = dict(type='InteractionPoseDataset', ann_file='data/custom/recordings.pkl', fold=None)
train_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(**source, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**source, split='val', pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
model = dict(
    type='InteractionRecognizer',
    # joints and motions 3 channels each, distances to the 13 joints of the partner and their motions 13 each
    backbone=dict(type='ClipStatistics', layout='common13', in_channels=32),
    # what is kept of all copies of all samples, below three megabytes however many there are
    cls_head=dict(
        type='KernelRidgeHead',
        num_classes=8,
        ridges=(0.03, 0.1, 0.3),
        bandwidths=(0.25, 0.5, 1.0),
        dimensions=192,
        landmarks=2048,
    ),
)
# Every epoch adds a copy of each sample; after the last one the head is fitted in closed form. Nothing is left for the
# optimizer to do.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=12)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='FitHeadHook', interval=12)]
default_hooks = dict(checkpoint=dict(interval=12))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.0))
param_scheduler = []
