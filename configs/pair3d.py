# The model pair3d that comes along: joints in space, in metres. python -m lab.shipped_weights pair3d trains it.
_base_ = [
    './_base_/models/pair.py',
    './_base_/datasets/pair.py',
    './_base_/schedules/pair.py',
    './_base_/default_runtime.py',
]
in_space = [dict(type='CentrePair', every_frame=True), dict(type='AlignFacing')]
finish = [_base_.stream, *_base_.pack]
train_pipeline = [
    *_base_.alike,
    dict(type='SwapPersons'),
    *in_space,
    *_base_.vary_time,
    dict(type='RandomRotation3D', angles=(10, 20, 10)),
    *_base_.vary_size,
    dict(type='MirrorPose'),
    *finish,
]
test_pipeline = [
    *_base_.alike,
    *in_space,
    dict(type='SampleClip', clip_len=32),
    dict(type='AddTurnedClips'),
    *finish,
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
val_dataloader = dict(dataset=dict(dataset=dict(pipeline=test_pipeline)))
test_dataloader = val_dataloader
model = dict(backbone=dict(in_channels=6))  # x, y, z of joints and of their velocities
