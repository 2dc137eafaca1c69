# SBU with labels softened by a teacher, the kernel ridge regression of kernel_sbu.py, fitted to the same training
# samples. All else is as in sbu.py. A leaf adds the teacher to its custom_hooks.
_base_ = './sbu_statistics.py'
teacher = dict(
    type='TeacherHook',
    teacher=dict(
        type='InteractionRecognizer',
        backbone=dict(type='ClipStatistics', layout='sbu15', in_channels=36),
        cls_head=dict(type='KernelRidgeHead', num_classes=8),
    ),
    pipeline=_base_.statistics_train,
)
taught = [
    *_base_.train_pipeline[:-3],
    dict(type='AddTeacherInput', **_base_.streams),
    *_base_.train_pipeline[-3:-1],
    dict(type='PackActionInputs', meta_keys=('frame_dir', 'teacher_input')),
]
train_dataloader = dict(drop_last=True, dataset=dict(pipeline=taught))
val_dataloader = dict(dataset=dict(pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
