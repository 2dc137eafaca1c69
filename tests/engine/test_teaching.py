"""What TeacherHook makes of labels, and what it fits the teacher to."""

import copy

import numpy as np
import pytest
import torch
from mmaction.registry import TRANSFORMS
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import init_default_scope

from asea_mm.engine import TeacherHook

CLASSES = 3
TEACHER = dict(
    type='InteractionRecognizer',
    backbone=dict(type='ClipStatistics', layout='sbu15', in_channels=6),
    cls_head=dict(type='KernelRidgeHead', num_classes=CLASSES),
)
STREAMS = dict(stream=['joint', 'joint_motion'], motion_scale=4.0)
OWN = [dict(type='GenerateStream', **STREAMS), dict(type='FormatGCNInput', num_person=2)]
PIPELINE = [*OWN, dict(type='PackActionInputs', meta_keys=('frame_dir',))]
TAUGHT = [
    dict(type='AddTeacherInput', **STREAMS),
    dict(type='GenerateStream', stream='bone'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir', 'teacher_input')),
]


class Pairs:
    """Pairs about three places, in a dataset with as much as the hook asks for."""

    def __init__(self, count=24, labels=None):
        rng = np.random.default_rng(0)
        places = rng.normal(size=(CLASSES, 2, 1, 15, 3))
        self.true = np.arange(count) % CLASSES
        self.labels = self.true if labels is None else labels
        self.keypoint = (places[self.true] + 0.2 * rng.normal(size=(count, 2, 9, 15, 3))).astype(np.float32)
        self.asked: list[int] = []
        self.pipeline = Compose([TRANSFORMS.build(step) for step in TAUGHT])

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        self.asked.append(index)
        sample = dict(keypoint=self.keypoint[index], label=int(self.labels[index]), layout='sbu15')
        return self.pipeline(sample | dict(frame_dir=f'clip{index}', total_frames=9))


class Runner:
    def __init__(self, dataset):
        self.train_dataloader = type('Loader', (), dict(dataset=dataset, batch_size=5))
        self.model = torch.nn.Linear(1, 1)
        self.lines: list[str] = []
        self.logger = type('Logger', (), dict(info=self.lines.append))


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmaction')


def taught(dataset, **options):
    """The hook after its fit, the runner, and a batch of all samples with their new labels."""
    hook, runner = TeacherHook(TEACHER, PIPELINE, **options), Runner(dataset)
    hook.before_train(runner)
    batch = pseudo_collate([dataset[index] for index in range(len(dataset))])
    inputs = [clip.clone() for clip in batch['inputs']]
    hook.before_train_iter(runner, 0, batch)
    assert all(torch.equal(new, old) for new, old in zip(batch['inputs'], inputs, strict=True))
    return hook, runner, torch.stack([sample.gt_label for sample in batch['data_samples']])


@pytest.mark.parametrize('weight', [0.0, 0.3, 1.0])
def test_labels_are_mixed_with_what_the_others_say(weight):
    dataset = Pairs()
    hook, _, labels = taught(dataset, weight=weight, copies=1)
    head = hook.teacher.cls_head
    plain = copy.copy(dataset)
    plain.pipeline = Compose(PIPELINE)
    clips = pseudo_collate([plain[index] for index in range(len(plain))])
    feats, _ = hook.teacher.extract_feat(torch.stack(clips['inputs']).float())
    expected = weight * head.left_out(feats, clips['data_samples']).softmax(dim=1)
    expected += (1 - weight) * torch.eye(CLASSES)[dataset.labels]
    torch.testing.assert_close(labels, expected)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(len(labels)))


def test_the_teacher_does_not_believe_a_wrong_label_that_it_was_given():
    wrong = np.arange(24) % CLASSES
    wrong[7] = (wrong[7] + 1) % CLASSES
    dataset = Pairs(labels=wrong)
    hook, _, labels = taught(dataset, weight=1.0)
    assert labels.argmax(dim=1).tolist() == dataset.true.tolist()
    clip = pseudo_collate([dataset[7]])['data_samples'][0]
    feats, _ = hook.teacher.extract_feat(torch.from_numpy(clip.teacher_input)[None])
    assert hook.teacher.cls_head(feats).argmax() == wrong[7], 'fitted to all samples, it does'


@pytest.mark.parametrize('copies', [1, 3])
def test_it_is_fitted_to_copies_by_its_own_pipeline(copies):
    dataset = Pairs()
    before = dataset.pipeline
    hook, runner = TeacherHook(TEACHER, PIPELINE, copies=copies), Runner(dataset)
    hook.before_train(runner)
    assert dataset.asked == list(range(24)) * copies
    assert dataset.pipeline is before
    assert hook.teacher.cls_head.samples.shape == (24 * copies, 2 * 15 * 6 * 5)
    assert f'rows {24 * copies}, ' in runner.lines[-1]
    assert 'left_out_top1 1' in runner.lines[-1]


def test_a_taught_batch_trains_a_model_of_the_host(tmp_path):
    """Probabilities as labels are what mmaction2's heads take."""
    from mmaction.registry import MODELS

    dataset = Pairs()
    hook, runner = TeacherHook(TEACHER, PIPELINE), Runner(dataset)
    hook.before_train(runner)
    batch = pseudo_collate([dataset[index] for index in range(4)])
    hook.before_train_iter(runner, 0, batch)
    model = MODELS.build(
        dict(
            type='InteractionRecognizer',
            backbone=dict(type='ASEA', layout='sbu15', in_channels=3, channels=(16, 16), strides=(1, 1)),
            cls_head=dict(type='GCNHead', num_classes=CLASSES, in_channels=16),
        )
    )
    data = model.data_preprocessor(batch, training=True)
    feats, kwargs = model.extract_feat(data['inputs'])
    scores = model.cls_head(feats, **kwargs)
    labels = torch.stack([sample.gt_label for sample in batch['data_samples']])
    expected = -(labels * scores.log_softmax(dim=1)).sum(dim=1).mean()
    losses = model.cls_head.loss(feats, data['data_samples'], **kwargs)
    torch.testing.assert_close(losses['loss_cls'], expected)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(weight=1.5), 'weight must be from 0 to 1, got 1.5'),
        (dict(copies=0), 'copies must be at least 1, got 0'),
        (
            dict(teacher=TEACHER | dict(cls_head=dict(type='GCNHead', num_classes=3, in_channels=8))),
            'expected a head that can leave out samples, KernelRidgeHead, got GCNHead',
        ),
    ],
)
def test_wrong_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=f'TeacherHook: {message}'):
        TeacherHook(**(dict(teacher=TEACHER, pipeline=PIPELINE) | options))


def test_a_dataset_without_a_pipeline_is_refused():
    runner = Runner([1, 2, 3])
    with pytest.raises(ValueError, match='TeacherHook: expected a training dataset with a pipeline, got list'):
        TeacherHook(TEACHER, PIPELINE).before_train(runner)


def test_a_pipeline_without_input_for_the_teacher_is_refused():
    dataset = Pairs()
    hook, runner = TeacherHook(TEACHER, PIPELINE, copies=1), Runner(dataset)
    hook.before_train(runner)
    dataset.pipeline = Compose(PIPELINE)
    with pytest.raises(ValueError, match="TeacherHook: sample 'clip3': .* put AddTeacherInput into"):
        hook.before_train_iter(runner, 0, pseudo_collate([dataset[3]]))
