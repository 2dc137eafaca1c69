# Kernel ridge regression on your own keypoints in images, of any layout that common13 can be made of. Where persons
# have roles, so that it matters who comes first, leave SwapPersons out.
_base_ = './kernel.py'
first = [
    dict(type='MapLayout', layout='common13'),
    dict(type='FillMissingJoints'),
    dict(type='NormalizeByBody'),
    dict(type='CentrePair'),
]
last = [
    dict(
        type='GenerateStream',
        stream=['joint', 'joint_motion', 'partner_distance', 'partner_distance_motion'],
        true_speed=True,
        motion_scale=4.0,
        distance_scale=0.2,
    ),
    dict(type='ScoreChannel', keep=False),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_pipeline = [
    dict(type='SwapPersons'),
    *first,
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    *last,
]
test_pipeline = [*first, dict(type='SampleClip', clip_len=32), *last]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(backbone=dict(in_channels=30))  # as in space, but two channels of joints and of motions
