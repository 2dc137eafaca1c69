"""What is ASEA's own: where AEA sits, how frames become fewer, options and their errors."""

import copy

import pytest
import torch
from mmaction.registry import MODELS

from asea_mm.errors import InputError
from asea_mm.models import AEA, ASEA
from asea_mm.models.layers.spatial import CTRGC

from . import TOLERANCE, build, keypoints


def backbone(**options):
    return build({**dict(type='ASEA', layout='sbu15', channels=(8, 8, 16)), **options}).eval()


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (dict(), [0, 1, 2]),
        (dict(interaction_blocks=[0, 2]), [0, 2]),
        (dict(interaction_blocks=[]), []),
        (dict(interaction=None), []),
    ],
)
def test_blocks_with_aea(options, expected):
    model = copy.deepcopy(backbone(**options))
    assert [k for k, block in enumerate(model.blocks) if block.interaction is not None] == expected
    assert sum(isinstance(module, AEA) for module in model.modules()) == len(expected)


@pytest.mark.parametrize(('downsample', 'steps'), [('pool', [2, 2, 6]), ('conv', [1, 2, 2])])
def test_aea_knows_the_frames_it_sees(downsample, steps):
    model = backbone(downsample=downsample, strides=(2, 1, 3))
    assert [block.interaction.step for block in model.blocks] == steps
    assert model.temporal_stride == 6


@pytest.mark.parametrize('downsample', ['pool', 'conv'])
def test_it_knows_the_places_at_the_frames_it_sees(downsample):
    """Persons may change places, those who are absent matter to nobody, and positions keep step with the features."""
    model, x = backbone(downsample=downsample, strides=(2, 1, 2), interaction=dict(geometry=3)), keypoints(channels=3)
    torch.testing.assert_close(model(x.flip(1)), model(x).flip(1), **TOLERANCE)
    longer = torch.cat([x, torch.zeros_like(x)], dim=2)
    torch.testing.assert_close(model(longer)[:, :, :, :2], model(x), **TOLERANCE)
    given = []
    for block in model.blocks:
        block.interaction.register_forward_pre_hook(lambda module, args: given.append((module.step, args[3])))
    model(x)
    for step, positions in given:
        assert torch.equal(positions, x[:, :, ::step].flatten(0, 1))


def test_options_reach_the_layers_and_models_share_nothing():
    given = dict(qk_channels=3, gamma=2.0, alpha=0.25, score='velocity', threshold_grad='none', form='masked')
    config = dict(type='ASEA', layout='sbu15', channels=[8, 8], interaction=given, temporal_form='stacked')
    before = copy.deepcopy(config)
    first, second = MODELS.build(config), MODELS.build(config)
    assert config == before
    for block in first.blocks:
        atnac, attention = block.interaction.atnac, block.interaction.attention
        options = (attention.qk_channels, atnac.gamma, atnac.alpha.item(), atnac.score, atnac.threshold_grad)
        assert (*options, block.interaction.form) == tuple(given.values())
        assert block.temporal.form == 'stacked'
    graphs = [module for model in (first, second) for module in model.modules() if isinstance(module, CTRGC)]
    torch.nn.init.constant_(graphs[0].adjacency, 7.0)
    assert all((graph.adjacency != 7).all() for graph in graphs[1:])


@pytest.mark.parametrize('persons', [1, 2])
def test_downsampling_by_pooling_is_a_block_on_fewer_frames(persons):
    block = backbone().blocks[2]
    x = torch.rand(2 * persons, 8, 9, 15, dtype=torch.float64)
    pooled = torch.nn.functional.max_pool2d(x, (3, 1), (2, 1), (1, 0))
    whole = block(x, persons)
    block.pools = False
    torch.testing.assert_close(whole, block(pooled, persons), **TOLERANCE)


def test_a_first_block_that_pools_takes_the_maximum_of_keypoints_that_are_there():
    """They have signs, so zeros at the ends of a clip and in absent frames are not the least."""
    model = backbone(channels=(8,), strides=(2,), data_bn=False)
    seen = []
    model.blocks[0].spatial.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    x = -1 - torch.rand(1, 1, 5, 15, 3, dtype=torch.float64)
    model(x)
    expected = torch.nn.functional.max_pool2d(x[0].permute(0, 3, 1, 2), (3, 1), (2, 1), (1, 0))
    torch.testing.assert_close(seen[0], expected, **TOLERANCE)
    x[:, :, 3:] = 0
    model(x)
    assert (seen[1][:, :, :2] < 0).all()
    assert (seen[1][:, :, 2] == 0).all()
    torch.testing.assert_close(seen[1][:, :, 1], x[0, :, 1:3].amax(dim=1).transpose(1, 2), **TOLERANCE)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(interaction=dict(heads=4)), r"ASEA: unknown interaction options \['heads'\]"),
        (dict(interaction_blocks=[0, 3]), r'interaction_blocks must be within 0..2, got \[0, 3\]'),
        (
            dict(interaction=dict(geometry=3), in_channels=2),
            'ASEA: geometry: expected 2 or 3, .* the 2 channels .* got 3',
        ),
        (dict(temporal_form='other'), 'form must be one of'),
        (dict(downsample='mean'), "ASEA: downsample must be one of .*'mean'"),
    ],
)
def test_errors(options, message):
    with pytest.raises(InputError, match=message):
        ASEA(**{'layout': 'sbu15', 'channels': (8, 8, 16), **options})


def test_joints_are_selected_by_sums_in_float32():
    """Under autocast AT-NAC gets the sum of products and residual as it is before rounding."""
    model = backbone(interaction_blocks=(1,)).float()
    types = []
    for block in model.blocks:
        block.spatial.register_forward_hook(lambda module, args, y: types.append(y.dtype))
    x = keypoints().float()
    with torch.no_grad():
        model(x)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            model(x)
    assert types == [*[torch.float32] * 3, torch.bfloat16, torch.float32, torch.bfloat16]
