# SBU for ClipStatistics: as in sbu.py, and the distances between the joints of the two persons. A test sees a clip from
# either side; so does the training, since the statistics of first and second person are not exchanged for one another.
_base_ = './sbu.py'
stream = ['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion']
generate = dict(type='GenerateStream', stream=stream, true_speed=True, motion_scale=4.0)
train_pipeline = [
    dict(type='SwapPersons'),
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32, crop=(0.5, 1.0)),
    dict(type='RandomRotation3D', angles=(10, 20, 10)),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    dict(type='AddTurnedClips'),
    generate,
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
test_pipeline = [
    dict(type='CentrePair'),
    dict(type='AlignFacing'),
    dict(type='SampleClip', clip_len=32),
    dict(type='AddTurnedClips'),
    generate,
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
