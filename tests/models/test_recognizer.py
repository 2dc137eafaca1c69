"""The recognizer's losses and stages, and our parts among mmaction2's."""

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.optim import OptimWrapper
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models import AEA, ATNACNeck
from asea_mm.models.layers.common import presence_of

from . import CLASSES, TOLERANCE, backbone_config, keypoints, labels, randomise, recognizer

NECK = dict(type='ATNACNeck', in_channels=16)


def asea(**options):
    return dict(type='ASEA', layout='sbu15', channels=(8, 8, 16), **options)


def set_alphas(model, start=0.1):
    """Distinct thresholds in float64; returns them."""
    values = []
    for k, module in enumerate(module for module in model.modules() if isinstance(module, AEA)):
        nn.init.constant_(module.atnac.alpha, start + 0.15 * k)
        values.append(start + 0.15 * k)
    return values


@pytest.mark.parametrize(('neck', 'blocks', 'count'), [(None, None, 3), (NECK, [1], 2), (NECK, [], 1)])
def test_losses_are_separate_and_regularise_every_aea(neck, blocks, count):
    options = dict(loss_reg=dict(type='ThresholdRegularization', loss_weight=2.0, target=0.4))
    model = recognizer(asea(interaction_blocks=blocks), neck, **options)
    alphas = set_alphas(model)
    assert len(alphas) == len(model.thresholds()) == count
    losses = model.loss(keypoints()[:, None], labels(2))
    assert [name for name in losses if name.startswith('loss')] == ['loss_cls', 'loss_reg']
    expected = 2.0 * sum((alpha - 0.4) ** 2 for alpha in alphas)
    assert losses['loss_reg'].item() == pytest.approx(expected, abs=1e-9)
    scores = model(keypoints()[:, None], stage='head')
    cross_entropy = nn.functional.cross_entropy(scores, torch.tensor([0, 1]))
    torch.testing.assert_close(losses['loss_cls'], cross_entropy, **TOLERANCE)
    total, logged = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['loss_cls'] + losses['loss_reg'], **TOLERANCE)
    assert logged['loss'].item() == pytest.approx(cross_entropy.item() + expected)
    assert {'loss_cls', 'loss_reg', 'top1_acc'} <= set(logged)


@pytest.mark.parametrize(
    ('backbone', 'options'),
    [(asea(interaction=None), {}), (asea(interaction=dict(score='all')), {}), (asea(), dict(loss_reg=None))],
)
def test_without_threshold_or_if_left_out_there_is_no_regularisation(backbone, options):
    assert 'loss_reg' not in recognizer(backbone, **options).loss(keypoints()[:, None], labels(2))


def test_stages():
    model = recognizer(neck=NECK).eval()
    x = keypoints(samples=4, frames=7)
    x[0, 1] = 0
    inputs = x.unflatten(0, (2, 2))  # two clips each
    backbone, kwargs = model.extract_feat(inputs, stage='backbone')
    assert torch.equal(kwargs['presence'], presence_of(x)[..., ::2])
    assert torch.equal(backbone, model.backbone(x))
    neck = model.extract_feat(inputs)[0]
    assert torch.equal(neck, model.neck(backbone, presence_of(x)[..., ::2]))
    assert not torch.equal(neck, backbone)
    scores = model.extract_feat(inputs, stage='head')[0]
    assert scores.shape == (4, CLASSES)
    assert torch.equal(scores, model.cls_head(neck, presence_of(x)[..., ::2]))


def test_training_and_testing_steps():
    model = recognizer(neck=NECK).float().train()
    data = dict(inputs=[x[None].float() for x in keypoints()], data_samples=labels(2))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    before = model.backbone.blocks[0].interaction.atnac.alpha.clone()
    logged = model.train_step(data, OptimWrapper(optimiser))
    assert logged['loss'].isfinite()
    assert model.backbone.blocks[0].interaction.atnac.alpha != before
    samples = model.eval().test_step(data)
    assert [sample.pred_score.shape for sample in samples] == [(CLASSES,)] * 2


@pytest.mark.parametrize('name', ['STGCN', 'AAGCN'])
def test_neck_after_mmaction2s_backbones(name):
    model = recognizer(backbone_config(name, channels=(8, 8, 16)), NECK).eval()
    inputs = keypoints(frames=9)[:, None]
    losses = model.loss(inputs, labels(2))
    expected = 0.1 * (model.neck.interaction.atnac.alpha - 0.5).square()
    torch.testing.assert_close(losses['loss_reg'], expected, **TOLERANCE)
    losses['loss_cls'].backward()
    assert all(parameter.grad.isfinite().all() and parameter.grad.any() for parameter in model.neck.parameters())
    assert model.extract_feat(inputs)[0].shape == (2, 2, 16, 3, 15)


@pytest.mark.parametrize('persons', [1, 2, 3])
def test_neck_is_aea(persons):
    torch.manual_seed(0)
    neck = randomise(ATNACNeck(16).double())
    x = torch.randn(2, persons, 16, 3, 6, dtype=torch.float64)
    presence = torch.ones(2, persons, 3, dtype=torch.bool)
    presence[0, -1, 2:] = False
    expected = neck.interaction(x.flatten(0, 1), persons, presence.flatten(0, 1))
    assert torch.equal(neck(x, presence), expected.view(x.shape))
    assert torch.equal(neck(x), neck.interaction(x.flatten(0, 1), persons).view(x.shape))


@pytest.mark.parametrize('strides', [(1, 3, 1), (3, 1, 1), (2, 2, 1), (1, 2, 3)])
def test_presence_behind_strides_is_exact(strides):
    """Of nine frames a stride of 3 leaves 0, 3, 6; one of 4, which leaves as many, 0, 4, 8."""
    model = recognizer(asea(strides=strides), NECK).eval()
    x = keypoints(frames=9)
    x[0, 1, 5:] = x[1, 0, :2] = 0
    kept = presence_of(x)
    for stride in strides:
        kept = kept[..., ::stride]
    assert torch.equal(model.extract_feat(x[:, None])[1]['presence'], kept)
    assert model.neck.interaction.step == strides[0] * strides[1] * strides[2]


class Foreign(nn.Module):
    """A backbone of somebody else's that leaves every third frame."""

    def forward(self, x):
        return x[:, :, ::3].movedim(4, 2)


def test_a_foreign_backbone_says_its_stride():
    MODELS.register_module(module=Foreign, force=True)
    config = dict(type='InteractionRecognizer', backbone=dict(type='Foreign'))
    config['cls_head'] = dict(type='InteractionHead', num_classes=CLASSES, in_channels=3)
    x = keypoints(frames=9).float()[:, None]
    with pytest.raises(InputError, match='Foreign makes 3 frames of 9; give it an attribute temporal_stride'):
        MODELS.build(config).extract_feat(x)
    Foreign.temporal_stride = 3
    assert MODELS.build(config).extract_feat(x, stage='head')[0].shape == (2, CLASSES)


def test_gcn_head_in_our_recognizer():
    theirs, ours = recognizer(head=dict(type='GCNHead')).eval(), recognizer().eval()
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = keypoints()[:, None]
    assert theirs.extract_feat(x)[1] == {}
    torch.testing.assert_close(theirs(x, stage='head'), ours(x, stage='head'), **TOLERANCE)


def test_errors():
    model = recognizer()
    with pytest.raises(InputError, match="stage must be one of .* got 'tail'"):
        model.extract_feat(keypoints()[:, None], stage='tail')
    with pytest.raises(InputError, match=r'expected inputs \(B, clips, M, T, V, C\), got \(2, 2, 8, 15, 3\)'):
        model.extract_feat(keypoints())
    with pytest.raises(InputError, match=r'expected features \(N, M, 16, T, V\), got \(2, 2, 8, 3, 5\)'):
        ATNACNeck(16)(torch.ones(2, 2, 8, 3, 5))
    with pytest.raises(InputError, match='expected features'):
        ATNACNeck(16)(torch.ones(4, 16, 3, 5))
    with pytest.raises(InputError, match=r"ATNACNeck: unknown interaction options \['heads'\]"):
        ATNACNeck(8, dict(heads=4))
    with pytest.raises(InputError, match='ATNACNeck: geometry: .* use InteractionBackbone'):
        ATNACNeck(8, dict(geometry=3))
