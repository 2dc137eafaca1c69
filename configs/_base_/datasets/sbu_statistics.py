# SBU for ClipStatistics: as in sbu.py, and the distances between the joints of the two persons. Whole clips in training
# as in tests, since of a piece the extremes are others. A test sees a clip from either side; so does the training, as
# the statistics of first and second person are not exchanged for one another.
_base_ = './sbu.py'
stream = ['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion']
generate = dict(type='GenerateStream', stream=stream, true_speed=True, motion_scale=4.0, distance_scale=0.2)
# those of sbu.py end in GenerateStream, FormatGCNInput and PackActionInputs; the fifth step of training is SampleClip
steps = _base_.train_pipeline
whole = dict(type='SampleClip', clip_len=32)
train_pipeline = [*steps[:4], whole, *steps[5:-3], dict(type='AddTurnedClips'), generate, *steps[-2:]]
test_pipeline = [*_base_.test_pipeline[:-3], generate, *_base_.test_pipeline[-2:]]
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
