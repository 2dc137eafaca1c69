# SBU and K3HI as one: nine classes, in the thirteen joints that every sensor and estimator has, 15 frames a second, and
# pairs made of them who do nothing to each other. asea prepare sbu PATH and asea prepare k3hi PATH write the files;
# --fold K chooses the fold. K3HI does not state its frame rate: its clips are twice as long as SBU's.
# What pair3d and pair2d share of the recipe is here, in _base_/models/pair.py and in _base_/schedules/pair.py.
sbu = dict(
    ann_file='data/sbu/sbu.pkl',
    fold=1,
    fps=15,
    classes={
        'approaching': 'approaching',
        'departing': 'departing',
        'kicking': 'kicking',
        'pushing': 'pushing',
        'punching': 'punching',
        'shaking hands': 'shaking hands',
        'hugging': 'hugging',
        'exchanging objects': 'exchanging objects',
        'pointing': None,
    },
)
k3hi = dict(
    ann_file='data/k3hi/k3hi.pkl',
    fold=1,
    fps=30,
    classes={
        'approaching': 'approaching',
        'departing': 'departing',
        'kicking': 'kicking',
        'pushing': 'pushing',
        'punching': 'punching',
        'shaking hands': 'shaking hands',
        'hugging': None,
        'exchanging objects': 'exchanging objects',
        'pointing': 'pointing',
    },
)
alike = [dict(type='MapLayout', layout='common13'), dict(type='ResampleFrameRate', fps=15)]
vary_time = [dict(type='RandomTimeWarp', strength=0.2), dict(type='SampleClip', clip_len=32, crop=(0.7, 1.0))]
vary_size = [dict(type='RandomScale3D', scale=0.2)]
stream = dict(type='GenerateStream', stream=['joint', 'joint_motion'], true_speed=True)
pack = [
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    drop_last=True,
    dataset=dict(
        type='AddNoInteraction',
        share=0.3,
        dataset=dict(
            type='CombinedInteractionDataset',
            datasets=dict(sbu=dict(**sbu, split='train'), k3hi=dict(**k3hi, split='train')),
        ),
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='AddNoInteraction',
        share=0.3,
        dataset=dict(
            type='CombinedInteractionDataset',
            datasets=dict(sbu=dict(**sbu, split='val'), k3hi=dict(**k3hi, split='val')),
            test_mode=True,
        ),
    ),
)
test_dataloader = val_dataloader
val_evaluator = [dict(type='AccMetric')]
test_evaluator = val_evaluator
