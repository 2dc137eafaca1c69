# SBU for ClipStatistics: as in sbu.py, and the distances between the joints of the two persons. Whole clips in training
# as in tests, since of a piece the extremes are others. A test sees a clip from either side; so does the training, as
# the statistics of first and second person are not exchanged for one another.
_base_ = './sbu.py'
streams = dict(
    stream=['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion'],
    true_speed=True,
    motion_scale=4.0,
    distance_scale=0.2,
)
# those of sbu.py end in GenerateStream, FormatGCNInput and PackActionInputs; the fifth step of training is SampleClip
ends = [dict(type='GenerateStream', **streams), *_base_.train_pipeline[-2:]]
whole = [dict(type='SampleClip', clip_len=32)]
statistics_train = [
    *_base_.train_pipeline[:4],
    *whole,
    *_base_.train_pipeline[5:-3],
    dict(type='AddTurnedClips'),
    *ends,
]
statistics_test = [*_base_.test_pipeline[:-3], *ends]
train_dataloader = dict(drop_last=False, dataset=dict(pipeline=statistics_train))
val_dataloader = dict(dataset=dict(pipeline=statistics_test))
test_dataloader = val_dataloader
