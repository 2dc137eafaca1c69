# SBU for ClipStatistics: as in sbu.py, and the distances between the joints of the two persons. A test sees a clip from
# either side; so does the training, since the statistics of first and second person are not exchanged for one another.
_base_ = './sbu.py'
stream = ['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion']
generate = dict(type='GenerateStream', stream=stream, true_speed=True, motion_scale=4.0)
# those of sbu.py end in GenerateStream, FormatGCNInput and PackActionInputs
train_pipeline = [*_base_.train_pipeline[:-3], dict(type='AddTurnedClips'), generate, *_base_.train_pipeline[-2:]]
test_pipeline = [*_base_.test_pipeline[:-3], generate, *_base_.test_pipeline[-2:]]
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
