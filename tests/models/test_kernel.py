"""Quantiles over time and kernel ridge regression, against NumPy and against fitting anew without each sample."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from torch.nn.functional import cross_entropy

import asea_mm.models.heads.kernel_head as kernel_head
from asea_mm.engine import FitHeadHook
from asea_mm.errors import InputError
from asea_mm.models import ClipStatistics, KernelRidgeHead

CONFIG = Path(__file__).parents[2] / 'configs' / 'baselines' / 'kernel_sbu.py'
CLASSES = 3


def clips(n=2, persons=2, frames=9, joints=15, channels=3, seed=0):
    return torch.randn(n, persons, frames, joints, channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('quantiles', [(0, 0.25, 0.5, 0.75, 1), (0.1,)])
def test_statistics_are_numpys_quantiles(quantiles):
    x = clips()
    statistics = ClipStatistics('sbu15', 3, quantiles)(x)
    expected = np.quantile(x.numpy(), quantiles, axis=2).transpose(1, 2, 3, 4, 0).reshape(2, -1)
    np.testing.assert_allclose(statistics.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_absent_frames_do_not_count():
    x = clips()
    absent = x.clone()
    absent[0, 1, 6:] = 0
    model = ClipStatistics('sbu15')
    statistics = model(absent).view(2, 2, -1)
    torch.testing.assert_close(statistics[0, 1], model(x[:, :, :6]).view(2, 2, -1)[0, 1])
    torch.testing.assert_close(statistics[:, 0], model(x).view(2, 2, -1)[:, 0])
    absent[:, 1] = 0
    assert not model(absent).view(2, 2, -1)[:, 1].any()


def test_wrong_quantiles_joints_and_channels_are_refused():
    for quantiles in ((), (0.5, 1.5), (-0.1,)):
        with pytest.raises(InputError, match='ClipStatistics: expected quantiles from 0 to 1'):
            ClipStatistics(quantiles=quantiles)
    with pytest.raises(InputError, match=r'expected 15 joints \(sbu15\) and 3 channels, got 17 and 6'):
        ClipStatistics('sbu15')(clips(joints=17, channels=6))


def samples_of(names, labels):
    named = [ActionDataSample(metainfo={} if name is None else dict(frame_dir=name)) for name in names]
    return [sample.set_gt_label(int(label)) for sample, label in zip(named, labels, strict=True)]


def problem(count=12, features=5, seed=0):
    """Clouds of the classes, which overlap; names; labels."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % CLASSES
    centres = torch.randn(CLASSES, features, generator=rng)
    return centres[labels] + torch.randn(count, features, generator=rng), [f'clip{k}' for k in range(count)], labels


def fitted(x, names, labels, epochs=1, **options):
    """A head after some epochs of batches of four samples; x holds the clips of a sample one after the other."""
    head = KernelRidgeHead(CLASSES, **options)
    per_sample = len(x) // len(names)
    chosen = {}
    for epoch in range(epochs):
        for first in range(0, len(names), 4):
            part = slice(first, first + 4)
            batch = (x + 0.1 * epoch)[first * per_sample : (first + 4) * per_sample]
            losses = head.loss(batch, samples_of(names[part], labels[part]))
            assert losses['loss_cls'].item() == 0
        chosen = head.fit()
    return head, chosen


def textbook(x, labels, test, ridge, bandwidth):
    """Kernel ridge regression in NumPy, with the kernel's scale given."""

    def kernel(a, b):
        return np.exp(-((a[:, None] - b[None]) ** 2).sum(-1) / bandwidth)

    target = 2 * np.eye(CLASSES)[labels] - 1
    return kernel(test, x) @ np.linalg.solve(kernel(x, x) + ridge * np.eye(len(x)), target)


def squared(x):
    return ((x[:, None] - x[None]) ** 2).sum(-1)


def test_scores_are_those_of_the_textbook():
    ridge, bandwidth = 0.3, 3.0
    x, names, labels = problem()
    head, chosen = fitted(x, names, labels, ridges=[ridge], bandwidths=[bandwidth])
    test = problem(seed=1)[0]
    values = x.double().numpy()
    scale = bandwidth * float(torch.from_numpy(squared(values)).median())
    expected = textbook(values, labels.numpy(), test.double().numpy(), ridge, scale)
    np.testing.assert_allclose(head(test).detach().numpy(), chosen['sharpness'] * expected, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize(('clips_of_each', 'epochs'), [(1, 1), (2, 1), (2, 2)])
def test_the_setting_is_the_best_one_of_leaving_out_each_sample(clips_of_each, epochs):
    x, names, labels = problem()
    x = x.repeat_interleave(clips_of_each, dim=0) + 0.3 * torch.randn(12 * clips_of_each, 5)
    options = dict(ridges=[0.01, 0.3], bandwidths=[0.3, 2.0])
    head, chosen = fitted(x, names, labels, epochs, **options)

    rows = torch.cat([x + 0.1 * epoch for epoch in range(epochs)]).double().numpy()
    label = np.tile(np.repeat(labels.numpy(), clips_of_each), epochs)
    group = np.tile(np.repeat(np.arange(12), clips_of_each), epochs)
    median = float(torch.from_numpy(squared(rows)).median())
    errors, outputs = {}, {}
    for ridge in options['ridges']:
        for bandwidth in options['bandwidths']:
            output = np.zeros((len(rows), CLASSES))
            for left_out in range(12):
                out = group == left_out
                output[out] = textbook(rows[~out], label[~out], rows[out], ridge, bandwidth * median)
            outputs[ridge, bandwidth] = output
            errors[ridge, bandwidth] = ((output - (2 * np.eye(CLASSES)[label] - 1)) ** 2).mean()
    best = min(errors, key=lambda setting: errors[setting])
    assert (chosen['ridge'], chosen['bandwidth']) == best
    assert chosen['left_out_mse'] == pytest.approx(errors[best], rel=1e-4)
    assert chosen['left_out_top1'] == pytest.approx((outputs[best].argmax(1) == label).mean())
    assert chosen['rows'] == len(rows) == len(head.samples)

    def loss(sharpness):
        return float(cross_entropy(torch.from_numpy(sharpness * outputs[best]), torch.from_numpy(label)))

    assert loss(chosen['sharpness']) <= min(loss(0.9 * chosen['sharpness']), loss(1.1 * chosen['sharpness']))


def rounded(x):
    return x.half().double().numpy()


@pytest.mark.parametrize('landmarks', [5, 24])
def test_landmarks_are_the_best_predictions_that_their_kernels_make(landmarks):
    """Coefficients, and what is left out, by a fit anew without each sample; NumPy."""
    ridge = 0.1
    x, names, labels = problem(24)
    head, chosen = fitted(x, names, labels, ridges=[ridge], bandwidths=[2.0], landmarks=landmarks)
    marks, values = rounded(x[np.linspace(0, 23, landmarks).round().astype(int)]), x.double().numpy()
    scale = float(head.scale)
    kernel, between = (np.exp(-((a[:, None] - marks[None]) ** 2).sum(-1) / scale) for a in (values, marks))
    between += 1e-6 * np.eye(landmarks)
    target = 2 * np.eye(CLASSES)[labels.numpy()] - 1

    def fit(rows):
        return np.linalg.solve(kernel[rows].T @ kernel[rows] + ridge * between, kernel[rows].T @ target[rows])

    np.testing.assert_allclose(head.coefficients.numpy(), fit(np.arange(24)), rtol=1e-3, atol=1e-3)
    output = np.stack([kernel[row] @ fit(np.delete(np.arange(24), row)) for row in range(24)])
    assert chosen['left_out_mse'] == pytest.approx(((output - target) ** 2).mean(), rel=1e-3)
    assert chosen['rows'] == 24
    if landmarks == 24:  # all of them: as without
        exact, _ = fitted(x, names, labels, ridges=[ridge], bandwidths=[2.0])
        torch.testing.assert_close(head(x), exact(x), rtol=1e-2, atol=1e-2)


def test_dimensions_are_those_of_the_largest_variance():
    x, names, labels = problem(features=2)
    turned = torch.linalg.qr(torch.randn(7, 7, generator=torch.Generator().manual_seed(3)))[0][:2]
    plain, _ = fitted(x, names, labels)
    head, _ = fitted(x @ turned + 3, names, labels, dimensions=4)
    assert head.basis.shape == (7, 2), 'the others have no variance'
    torch.testing.assert_close(head(x @ turned + 3), plain(x), rtol=3e-2, atol=3e-2)


def test_a_compact_checkpoint_holds_landmarks_only():
    x, names, labels = problem(200, features=300)
    head, chosen = fitted(x, names, labels, epochs=3, dimensions=8, landmarks=20)
    assert chosen['rows'] == 600, 'a fit anew has all rows, also those before the last fit'
    state = copy.deepcopy(head.state_dict())
    basis, marks = 4 * 300 + 2 * 300 * 8, 20 * (2 * 8 + 8 * (2 + CLASSES))
    assert sum(value.nbytes for value in state.values()) < basis + marks + 100
    loaded = KernelRidgeHead(CLASSES, dimensions=8, landmarks=20)
    loaded.load_state_dict(state)
    torch.testing.assert_close(loaded(x), head(x), rtol=0, atol=0)
    with pytest.raises(InputError, match='train anew'):
        loaded.loss(x, samples_of(names, labels))


def test_checkpoints_of_before_dimensions_load():
    head, _ = fitted(*problem())
    state = {name: value for name, value in head.state_dict().items() if name not in ('centre', 'basis')}
    loaded = KernelRidgeHead(CLASSES)
    loaded.load_state_dict(state)
    x = problem()[0]
    torch.testing.assert_close(loaded(x), head(x), rtol=0, atol=0)


@pytest.mark.parametrize('wrong', [dict(landmarks=0), dict(dimensions=2.5)])
def test_wrong_sizes_are_refused(wrong):
    with pytest.raises(InputError, match='whole number from 1'):
        KernelRidgeHead(CLASSES, **wrong)


def test_rows_that_are_not_fitted_yet_are_in_the_checkpoint():
    """A run that is interrupted between two fits goes on as if it had not been."""
    x, names, labels = problem()
    head, _ = fitted(x, names, labels)
    head.loss(x + 1, samples_of(names, labels))
    expected = head(x)
    resumed = KernelRidgeHead(CLASSES)
    resumed.load_state_dict(copy.deepcopy(head.state_dict()))
    for both in (head, resumed):
        torch.testing.assert_close(both(x), expected, rtol=0, atol=0)
        both.loss(x + 2, samples_of(names, labels))
        assert both.fit()['rows'] == 36
    torch.testing.assert_close(resumed(x), head(x), rtol=0, atol=0)


def test_a_checkpoint_of_other_classes_is_refused():
    head, _ = fitted(*problem())
    with pytest.raises(RuntimeError, match='coefficients'):
        KernelRidgeHead(CLASSES + 1).load_state_dict(head.state_dict())


def test_what_cannot_be_fitted_is_refused(monkeypatch):
    x, names, labels = problem()
    head = KernelRidgeHead(CLASSES)
    with pytest.raises(InputError, match='nothing to fit, no training sample has been seen'):
        head.fit()
    with pytest.raises(InputError, match='not fitted; train it, with FitHeadHook'):
        head(x)
    with pytest.raises(InputError, match="meta_keys=\\('frame_dir',\\)"):
        head.loss(x[:1], samples_of([None], labels[:1]))
    monkeypatch.setattr(kernel_head, 'is_distributed', lambda: True)
    with pytest.raises(InputError, match='train in one process'):
        head.loss(x, samples_of(names, labels))


def test_samples_that_are_all_the_same_have_scores():
    head, _ = fitted(torch.ones(4, 5), list('abcd'), torch.tensor([0, 1, 2, 0]))
    assert torch.isfinite(head(torch.ones(1, 5))).all()


def test_the_config_learns_clouds_of_pairs():
    """The recognizer of the config, trained by its hook: in every class the joints lie about places of their own."""
    model = MODELS.build(Config.fromfile(CONFIG).model)
    offset = torch.randn(8, 1, 2, 1, 15, 36, generator=torch.Generator().manual_seed(5))
    labels = torch.arange(40) % 8
    x = offset[labels] + clips(40, 2, 32, 15, 36)[:, None]
    samples = samples_of([f'clip{k}' for k in range(40)], labels)

    class Runner:
        logger = type('Logger', (), {'info': print})
        epoch, max_epochs = 0, 4

    Runner.model = model
    loss, _ = model.parse_losses(model(x[:32], samples[:32], mode='loss'))
    loss.backward()
    FitHeadHook(interval=3).after_train_epoch(Runner)
    assert not len(model.cls_head.samples), 'not yet'
    Runner.epoch = 3
    FitHeadHook(interval=3).after_train_epoch(Runner)
    model.eval()
    predictions = model(x[32:], samples[32:], mode='predict')
    assert [int(sample.pred_label) for sample in predictions] == labels[32:].tolist()
    assert all(sample.pred_score.sum().item() == pytest.approx(1) for sample in predictions)
