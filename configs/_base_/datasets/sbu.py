# SBU Kinect Interaction: asea prepare sbu PATH writes the file; --fold K chooses the fold.
# Joints and their velocities. Pairs stand on the x axis, so that rotations need not make up for where the camera was.
# Clips of 10 to 46 frames are resized to 32, crops of 50 to 100 % as ISTA-Net takes them; the velocities keep the true
# time scale, which tells punches from pushes. A test sees the whole clip from either side: it does not matter who comes
# first.
stream = ['joint', 'joint_motion']
train_pipeline = [
    dict(type='SwapPersons'),
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32, crop=(0.5, 1.0)),
    dict(type='RandomRotation3D', angles=(10, 20, 10)),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    dict(type='GenerateStream', stream=stream, true_speed=True),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
test_pipeline = [
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='SampleClip', clip_len=32),
    dict(type='AddTurnedClips'),
    dict(type='GenerateStream', stream=stream, true_speed=True),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='InteractionPoseDataset', ann_file='data/sbu/sbu.pkl', split='train', fold=1, pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='InteractionPoseDataset',
        ann_file='data/sbu/sbu.pkl',
        split='val',
        fold=1,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
