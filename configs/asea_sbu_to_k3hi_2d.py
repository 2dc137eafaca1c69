# A model for poses in images from data in space: trained on pictures of SBU by random cameras, tested on K3HI as its
# sensor saw it, with the thirteen joints that estimators have, too (common13). It takes COCO, Halpe, MediaPipe, ...
_base_ = './asea_sbu_to_k3hi.py'
stream = ['joint', 'joint_motion']
in_image = [dict(type='FillMissingJoints'), dict(type='NormalizeByBody'), dict(type='CentrePair')]
pack = [
    dict(type='GenerateStream', stream=stream, true_speed=True),
    dict(type='ScoreChannel'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_pipeline = [
    _base_.same_rate,
    dict(type='MapLayout', layout='common13'),
    dict(type='SwapPersons'),
    dict(type='CentrePair'),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='ProjectTo2D', yaw=(90, 270)),
    *in_image,
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32, crop=(0.5, 1.0)),
    dict(type='MirrorPose'),
    *pack,
]
test_pipeline = [
    _base_.same_rate,
    dict(type='MapLayout', layout='common13'),
    # Kinects look along z. The least random of pictures; real ones have noise and gaps.
    dict(type='ProjectTo2D', yaw=180, pitch=0, distance=3.5, focal_length=1.2, missing=0, noise=0, score=1),
    *in_image,
    dict(type='SampleClip', clip_len=32),
    *pack,
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
model = dict(backbone=dict(layout='common13', in_channels=5))  # x and y of joints and velocities, and the score
