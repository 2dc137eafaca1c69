# The 26 two-person classes of NTU RGB+D 120, X-Sub by default; --split xset for X-Set.
# asea prepare ntu PATH writes the file. PYSKL's ntu120_3d.pkl can be read as it is, too; then the line is
# source = dict(ann_file='data/ntu/ntu120_3d.pkl', classes=[*range(49, 60), *range(105, 120)])
source = dict(ann_file='data/ntu/ntu26.pkl', classes=None)
train_pipeline = [
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=64, crop=(0.5, 1.0)),
    dict(type='RandomRotation3D', angles=(17, 17, 17)),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
test_pipeline = [
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=64),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='InteractionPoseDataset',
        **source,
        layout='nturgbd25',
        split='xsub_train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='InteractionPoseDataset',
        **source,
        layout='nturgbd25',
        split='xsub_val',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
