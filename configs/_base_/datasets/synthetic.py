train_pipeline = [
    dict(type='SwapPersons'),
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='SampleClip', clip_len=32, crop=(0.8, 1.0)),
    dict(type='RandomRotation3D', angles=(5, 20, 5)),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
test_pipeline = [
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='SampleClip', clip_len=32),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_dataloader = dict(
    batch_size=16,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='SyntheticInteractionDataset', split='train', num_samples=960, classes=None, pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SyntheticInteractionDataset',
        split='val',
        num_samples=360,
        classes=None,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
