# The ten two-person classes of Kinetics-400: asea prepare kinetics10 PATH writes the file.
# ST-GCN's OpenPose skeletons: shares of images of 340 x 256 pixels. For PYSKL's HRNet poses, in pixels, the line is
# image = dict(type='NormalizeByImage')
# and the model's layout is coco17.
image = dict(type='NormalizeByImage', unit='share', img_shape=(256, 340))
train_pipeline = [
    dict(type='FillMissingJoints'),
    image,
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=100, crop=(0.5, 1.0)),
    dict(type='RandomScale3D', scale=0.1),
    dict(type='MirrorPose'),
    dict(type='GenerateStream', stream='joint'),
    dict(type='ScoreChannel'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
test_pipeline = [
    dict(type='FillMissingJoints'),
    image,
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=100),
    dict(type='GenerateStream', stream='joint'),
    dict(type='ScoreChannel'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
source = dict(type='InteractionPoseDataset', ann_file='data/kinetics/kinetics10.pkl')
train_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(**source, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**source, split='val', pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
