# SBU with labels softened by a teacher, the kernel ridge regression of kernel_sbu.py, fitted to the same training
# samples. All steps are those of sbu.py, except for the streams: training makes those that the teacher reads, those of
# the model first, in the teacher's units. A leaf adds the teacher to its custom_hooks.
_base_ = './sbu_statistics.py'
scales = dict(true_speed=True, motion_scale=4.0, distance_scale=0.2)
pieces = dict(type='SampleClip', clip_len=32, crop=(0.5, 1.0))
both = dict(type='GenerateStream', stream=_base_.stream, **scales)
own = dict(type='GenerateStream', stream=['joint', 'joint_motion'], **scales)
teacher = dict(
    type='TeacherHook',
    teacher=dict(
        type='InteractionRecognizer',
        backbone=dict(type='ClipStatistics', layout='sbu15', in_channels=36),
        cls_head=dict(type='KernelRidgeHead', num_classes=8),
    ),
    pipeline=_base_.train_pipeline,
    channels=6,
)
# of those of sbu_statistics.py, whose fifth step is SampleClip and whose ninth is AddTurnedClips
steps = _base_.train_pipeline
train_pipeline = [*steps[:4], pieces, *steps[5:8], both, *steps[-2:]]
test_pipeline = [*_base_.test_pipeline[:-3], own, *_base_.test_pipeline[-2:]]
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
