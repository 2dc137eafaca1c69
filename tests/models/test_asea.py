"""The backbone of the first paper: sizes, symmetry, absence, options."""

import copy

import pytest
import torch
from mmaction.registry import MODELS

from asea_mm.models import AEA, ASEA, InteractionHead
from asea_mm.models.layers import CTRGC
from asea_mm.skeletons import SKELETONS

from . import TOLERANCE, keypoints, labels, randomise, recognizer

FORMS = ('gathered', 'masked')
STAR = dict(name='star', joints=['middle', 'up', 'down', 'left'], bones=[[j, 'middle'] for j in ('up', 'down', 'left')])


def backbone(**options):
    torch.manual_seed(0)
    return randomise(ASEA(**{'layout': 'sbu15', 'channels': (8, 8, 16), **options}).double()).eval()


def test_default_size_is_the_papers():
    model = ASEA()
    head = InteractionHead(26, 256)
    parameters = sum(parameter.numel() for part in (model, head) for parameter in part.parameters())
    assert parameters == pytest.approx(2.04e6, rel=0.05)
    assert len(model.blocks) == 10
    assert [block.stride for block in model.blocks] == [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    assert [block.residual is None for block in model.blocks] == [True] + [False] * 9
    assert sum(isinstance(module, AEA) for module in model.modules()) == 10


@pytest.mark.parametrize('frames', [1, 6, 7])
@pytest.mark.parametrize('persons', [1, 2, 3])
def test_shape(persons, frames):
    out = backbone()(keypoints(persons=persons, frames=frames))
    assert out.shape == (2, persons, 16, -(-frames // 2), 15)
    assert out.isfinite().all()
    assert out.abs().max() > 0


@pytest.mark.parametrize('layout', [*SKELETONS, STAR], ids=[*SKELETONS, 'star'])
def test_layouts(layout):
    joints = len(STAR['joints']) if layout is STAR else SKELETONS[layout].num_joints
    model = backbone(layout=layout)
    assert model(keypoints(joints=joints)).shape == (2, 2, 16, 3, joints)
    assert model.data_bn.num_features == 3 * joints


def test_channels_of_the_input():
    assert backbone(in_channels=6)(keypoints(channels=6)).shape == (2, 2, 16, 3, 15)


@pytest.mark.parametrize('temporal_form', ['pool', 'stacked'])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('persons', [2, 3])
def test_order_of_persons_permutes_the_output_and_leaves_the_scores(persons, form, temporal_form):
    model = recognizer(interaction=dict(form=form), temporal_form=temporal_form).eval()
    x = keypoints(persons=persons)
    x[1, 0, 4:] = 0
    order = torch.tensor([persons - 1, *range(persons - 1)])
    torch.testing.assert_close(model.backbone(x[:, order]), model.backbone(x)[:, order], **TOLERANCE)
    assert not torch.allclose(model.backbone(x)[:, order], model.backbone(x))
    torch.testing.assert_close(*(model(y[:, None], stage='head') for y in (x, x[:, order])), **TOLERANCE)


@pytest.mark.parametrize('form', FORMS)
def test_training_does_not_depend_on_the_order_of_persons(form):
    x = keypoints()
    results = []
    for clip in (x, x.flip(1)):
        model = recognizer(interaction=dict(form=form)).train()
        model.loss(clip[:, None], labels(2))['loss_cls'].backward()
        state = {**dict(model.named_buffers()), **{name: p.grad for name, p in model.named_parameters()}}
        results.append(state)
    for name, value in results[0].items():
        torch.testing.assert_close(results[1][name], value, **TOLERANCE, msg=lambda m, name=name: f'{name}: {m}')


@pytest.mark.parametrize('temporal_form', ['pool', 'stacked'])
@pytest.mark.parametrize('form', FORMS)
def test_a_person_without_partner_has_the_features_of_one_alone(form, temporal_form):
    model = backbone(interaction=dict(form=form), temporal_form=temporal_form)
    x = keypoints()
    x[:, 1] = 0
    out = model(x)
    torch.testing.assert_close(out[:, :1], model(x[:, :1]), **TOLERANCE)
    assert (out[:, 1] == 0).all()


@pytest.mark.parametrize('form', FORMS)
def test_the_partner_matters(form):
    x = keypoints()
    for interaction, changes in ((dict(form=form), True), (None, False)):
        model = backbone(interaction=interaction)
        other = x.clone()
        other[:, 1] = other[:, 1].flip(1)
        assert torch.equal(model(x)[:, 0], model(other)[:, 0]) != changes


@pytest.mark.parametrize('downsample', ['pool', 'conv'])
@pytest.mark.parametrize('temporal_form', ['pool', 'stacked'])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('padding', [1, 5, 8])
@pytest.mark.parametrize('frames', [1, 4, 7, 8])
def test_padding_leaves_scores_and_is_zero_in_the_output(frames, padding, form, temporal_form, downsample):
    options = dict(interaction=dict(form=form), temporal_form=temporal_form, downsample=downsample)
    options['channels'] = (4, 8, 16)  # strides 1, 2, 2
    model = recognizer(neck=dict(type='ATNACNeck', in_channels=16, form=form), **options).eval()
    x = keypoints(frames=frames)
    padded = torch.cat([x, torch.zeros_like(x[:, :, :1]).expand(-1, -1, padding, -1, -1)], dim=2)
    short, long = (model.extract_feat(clip[:, None])[0] for clip in (x, padded))
    assert long.shape[3] == -(-(frames + padding) // 4)
    kept = short.shape[3]
    torch.testing.assert_close(long[:, :, :, :kept], short, **TOLERANCE)
    assert (long[:, :, :, kept:] == 0).all()
    torch.testing.assert_close(*(model(clip[:, None], stage='head') for clip in (x, padded)), **TOLERANCE)


def test_nobody_at_all_gives_zeros():
    for form in FORMS:
        assert (backbone(interaction=dict(form=form))(torch.zeros(2, 2, 6, 15, 3, dtype=torch.float64)) == 0).all()


def test_presence_may_be_given():
    model = backbone()
    x = keypoints()
    presence = torch.ones(2, 2, 6, dtype=torch.bool)
    torch.testing.assert_close(model(x, presence), model(x), **TOLERANCE)
    presence[:, :, 4:] = False
    torch.testing.assert_close(model(x, presence)[:, :, :, :2], model(x[:, :, :4]), **TOLERANCE)


@pytest.mark.parametrize('temporal_form', ['pool', 'stacked'])
@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('persons', [2, 3])
def test_every_parameter_has_a_gradient_of_the_task(persons, form, temporal_form):
    # wide enough that no ReLU of a branch, two channels of one of eight, is dead by chance
    model = recognizer(interaction=dict(form=form), temporal_form=temporal_form, channels=(32, 16))
    model.eval()  # in training a bias before a batch norm has none, by construction
    model.loss(keypoints(persons=persons)[:, None], labels(2))['loss_cls'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 1e-12, name


@pytest.mark.parametrize('temporal_form', ['pool', 'stacked'])
@pytest.mark.parametrize('absent', [False, True])
def test_training_from_the_start_has_finite_gradients(absent, temporal_form):
    torch.manual_seed(0)
    model = ASEA('sbu15', channels=(8, 8, 16), temporal_form=temporal_form).double()
    x = keypoints()
    if absent:
        x[0, 1] = 0
        x[1, :, 4:] = 0
    model(x).square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_a_few_steps_fit_two_clips():
    model = recognizer()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(16):
        optimiser.zero_grad()
        loss = model.loss(keypoints()[:, None], labels(2))['loss_cls']
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (dict(), [0, 1, 2]),
        (dict(interaction_blocks=(1,)), [1]),
        (dict(interaction_blocks=[0, 2]), [0, 2]),
        (dict(interaction_blocks=[]), []),
        (dict(interaction=None), []),
        (dict(interaction=None, interaction_blocks=[0]), []),
    ],
)
def test_blocks_with_interaction(options, expected):
    model = backbone(**options)
    assert [k for k, block in enumerate(model.blocks) if block.interaction is not None] == expected
    assert sum(isinstance(module, AEA) for module in model.modules()) == len(expected)
    assert model(keypoints()).shape == (2, 2, 16, 3, 15)


def test_options_reach_the_layers():
    given = dict(qk_channels=3, gamma=2.0, alpha=0.25, score='velocity', threshold_grad='none', form='masked')
    model = ASEA('sbu15', channels=(8, 8), interaction=given, temporal_form='stacked')
    for block in model.blocks:
        atnac, attention = block.interaction.atnac, block.interaction.attention
        found = (attention.qk_channels, atnac.gamma, atnac.alpha.item(), atnac.score, atnac.threshold_grad)
        assert (*found, block.interaction.form) == tuple(given.values())
        assert block.temporal.form == 'stacked'


def test_strides_may_be_given():
    model = backbone(strides=(2, 1, 2))
    assert model(keypoints(frames=9)).shape[3] == 3


def test_a_config_is_not_changed_and_models_share_nothing():
    config = dict(type='ASEA', layout='sbu15', channels=[8, 8], interaction=dict(alpha=0.3))
    before = copy.deepcopy(config)
    first, second = MODELS.build(config), MODELS.build(config)
    assert config == before
    adjacency = [module.adjacency for module in first.modules() if isinstance(module, CTRGC)]
    with torch.no_grad():
        adjacency[0].fill_(7.0)
    assert (adjacency[1] != 7).all()
    assert (second.blocks[0].spatial.adjacency != 7).all()


def test_saved_and_loaded_it_is_the_same(tmp_path):
    model = recognizer(neck=dict(type='ATNACNeck', in_channels=16))
    model.loss(keypoints()[:, None], labels(2))  # running statistics move, readings are there
    torch.save(model.state_dict(), tmp_path / 'model.pth')
    other = recognizer(neck=dict(type='ATNACNeck', in_channels=16), seed=1)
    x = keypoints(seed=3)[:, None]
    expected = model.eval()(x, stage='head')
    assert not torch.allclose(other.eval()(x, stage='head'), expected)
    other.load_state_dict(torch.load(tmp_path / 'model.pth', weights_only=True), strict=True)
    assert torch.equal(other(x, stage='head'), expected)


def test_the_forms_interchange_checkpoints():
    states = [list(recognizer(interaction=dict(form=form)).state_dict()) for form in FORMS]
    assert states[0] == states[1]


def test_a_copy_is_the_same_and_independent():
    model = backbone()
    x = keypoints()
    expected = model(x)
    other = copy.deepcopy(model)
    assert torch.equal(other(x), expected)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert torch.equal(model(x), expected)


@pytest.mark.parametrize('form', FORMS)
def test_bfloat16_autocast_trains(form):
    model = recognizer(interaction=dict(form=form)).float()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(keypoints().float()[:, None], labels(2))
    losses['loss_cls'].backward()
    assert losses['loss_cls'].isfinite()
    for name, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(strides=(1, 2)), 'as many strides as channels, 3, got 2'),
        (dict(interaction=dict(heads=4)), r"unknown interaction options \['heads'\]"),
        (dict(interaction=dict(channels=4)), r"unknown interaction options \['channels'\]"),
        (dict(interaction=dict(score='speed')), 'score must be one of'),
        (dict(interaction_blocks=[0, 3]), r'interaction_blocks must be within 0..2, got \[0, 3\]'),
        (dict(interaction_blocks=[-1]), 'interaction_blocks must be within'),
        (dict(temporal_form='other'), 'form must be one of'),
        (dict(channels=(8, 10, 16)), 'multiple of 4, got 10'),
        (dict(layout='unknown'), "unknown layout 'unknown'"),
    ],
)
def test_errors_of_the_options(options, message):
    with pytest.raises(ValueError, match=message):
        backbone(**options)


@pytest.mark.parametrize('sizes', [dict(joints=25), dict(channels=2)])
def test_errors_of_the_input(sizes):
    found = f'got {sizes.get("joints", 15)} and {sizes.get("channels", 3)}'
    with pytest.raises(ValueError, match=rf'expected 15 joints \(sbu15\) and 3 channels, {found}'):
        backbone()(keypoints(**sizes))


@pytest.mark.parametrize('persons', [1, 2])
def test_downsampling_by_pooling_is_a_block_on_fewer_frames(persons):
    x = torch.rand(2 * persons, 8, 9, 15, dtype=torch.float64)
    block = backbone(downsample='pool').blocks[2]
    assert block.stride == 2
    pooled = torch.nn.functional.max_pool2d(x, (3, 1), (2, 1), (1, 0))
    whole = block(x, persons)
    block.pools = False
    torch.testing.assert_close(whole, block(pooled, persons), **TOLERANCE)


def test_downsampling_by_convolution_strides_at_the_blocks_end():
    model = backbone(downsample='conv')
    assert [block.temporal.stride for block in model.blocks] == [1, 1, 2]
    assert [block.temporal.stride for block in backbone().blocks] == [1, 1, 1]
    with pytest.raises(ValueError, match="ASEA: downsample must be one of .*'mean'"):
        backbone(downsample='mean')


def test_graph_capture_in_one_piece():
    """torch.compile finds no break: under it the masked form runs, which needs no number on the host."""
    model = backbone(channels=(8, 8), strides=(1, 2))
    x = keypoints(persons=2)
    x[1, 1] = 0
    compiled = torch.compile(model, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x), **TOLERANCE)
