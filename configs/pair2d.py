# The model pair2d that comes along: poses in images, learned from pictures of the same scenes by random cameras.
# python -m lab.shipped_weights pair2d trains it. It takes what any estimator gives: COCO, Halpe, MediaPipe, ...
_base_ = [
    './_base_/models/pair.py',
    './_base_/datasets/pair.py',
    './_base_/schedules/pair.py',
    './_base_/default_runtime.py',
]
in_image = [dict(type='FillMissingJoints'), dict(type='NormalizeByBody'), dict(type='CentrePair')]
finish = [_base_.stream, dict(type='ScoreChannel'), *_base_.pack]
# Of poses that are in images already, for whoever goes on training with such.
train_in_image = [*_base_.alike, *in_image, *_base_.vary_time, *_base_.vary_size, dict(type='MirrorPose'), *finish]
test_in_image = [*_base_.alike, *in_image, dict(type='SampleClip', clip_len=32), *finish]
train_pipeline = [
    *_base_.alike,
    dict(type='SwapPersons'),
    dict(type='CentrePair'),
    *_base_.vary_size,
    dict(type='ProjectTo2D', yaw=(90, 270)),  # Kinects look along z: from their side
    *in_image,
    *_base_.vary_time,
    dict(type='MirrorPose'),
    *finish,
]
test_pipeline = [
    *_base_.alike,
    # The least random of pictures; real ones have noise and gaps.
    dict(type='ProjectTo2D', yaw=180, pitch=0, distance=3.5, focal_length=1.2, missing=0, noise=0, score=1),
    *in_image,
    dict(type='SampleClip', clip_len=32),
    *finish,
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(dataset=dict(pipeline=test_pipeline)))
test_dataloader = val_dataloader
model = dict(
    backbone=dict(in_channels=5, interaction=dict(geometry=2, reach=6.4))
)  # x and y of joints and of their velocities, and the score
