# YMJA, 503 clips of broadcasts, BODY_25: asea prepare custom writes the file (configs/asea_ymja.py says how); --fold K
# chooses the fold. A tenth to a third of joints and persons is missing: first of all missing joints get a place, with
# score 0, which the network sees. Broadcasts zoom: coordinates are counted in bones. Who comes first is part of the
# data (first the penalised player), so there is no SwapPersons; a picture is not turned, only mirrored.
stream = ['joint', 'joint_motion']
prepare = [dict(type='FillMissingJoints'), dict(type='NormalizeByBody'), dict(type='CentrePair')]
pack = [
    dict(type='GenerateStream', stream=stream, true_speed=True),
    dict(type='ScoreChannel'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_pipeline = [
    *prepare,
    dict(type='RandomTimeWarp', strength=0.2),
    dict(type='SampleClip', clip_len=32, crop=(0.5, 1.0)),
    dict(type='RandomScale3D', scale=0.2),
    dict(type='MirrorPose'),
    *pack,
]
test_pipeline = [*prepare, dict(type='SampleClip', clip_len=32), *pack]
source = dict(type='InteractionPoseDataset', ann_file='data/ymja/ymja.pkl', fold=1)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(**source, split='train', pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(**source, split='val', pipeline=test_pipeline, test_mode=True),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
