"""How AEA gets into other backbones: where it sits, whose checkpoints load, threads and copies."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import load_checkpoint, save_checkpoint
from torch import nn

from asea_mm.errors import InputError
from asea_mm.models.layers.common import presence_of
from asea_mm.skeletons import get_skeleton

from . import BACKBONES, TOLERANCE, backbone_config, build, channels_of, keypoints, recognizer

every_backbone = pytest.mark.parametrize('name', BACKBONES)


def small(name, seed=0, **options):
    return build(backbone_config(name, aea=True, **options), seed).eval()


def clips(**sizes):
    """Two clips; in the second the last person leaves early."""
    x = keypoints(**sizes)
    x[1, -1, 5:] = 0
    return x


@pytest.mark.parametrize('norm', ['VC', 'MVC'])
@pytest.mark.parametrize('name', ['STGCN', 'STGCN++', 'AAGCN'])
def test_in_mmaction2s_blocks_it_is_between_gcn_and_tcn(name, norm):
    """Their forward pass written down, with AEA where Fig. 2 has it."""
    config = backbone_config(name, aea=True)
    config['backbone'].update(data_bn_type=norm)
    model = build(config).eval()
    inner, x = model.backbone, clips(frames=9)
    presence = presence_of(x)
    n, m, t, v, c = x.shape
    y = x.permute(0, 1, 3, 4, 2).contiguous()
    y = inner.data_bn(y.view((n, m * v * c, t) if norm == 'MVC' else (n * m, v * c, t)))
    y = y.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).reshape(n * m, c, t, v)
    for k, block in enumerate(inner.gcn):
        mixed = block.gcn.forward(y)  # without the hook
        mixed = model.interactions[str(k)](mixed, m, presence.flatten(0, 1))
        y = torch.relu(block.tcn(mixed.contiguous()) + block.residual(y))
        presence = presence[..., :: 2 if k else 1]
    torch.testing.assert_close(model(x), y.view(n, m, *y.shape[1:]), **TOLERANCE)


@pytest.mark.parametrize(('name', 'steps'), [('STGCN++', [1, 1, 2]), ('CTRGCN', [1, 1, 3]), ('MSG3D', [1, 3, 6])])
def test_presence_behind_a_stride_is_exact(name, steps):
    """Of nine frames a stride of 3 leaves 0, 3, 6; one of 4, which leaves as many, 0, 4, 8."""
    config = backbone_config(name, aea=True)
    if name != 'STGCN++':
        config['backbone'].update(strides=(1, 3, 2))
    model = build(config).eval()
    assert model.temporal_stride == (4 if name == 'STGCN++' else 6)
    given = []
    for layer in model.interactions.values():
        layer.register_forward_pre_hook(lambda module, args: given.append(args[2]))
    x = clips(frames=9)
    model(x)
    for presence, step in zip(given, steps, strict=True):
        assert torch.equal(presence, presence_of(x)[..., ::step].flatten(0, 1))


@every_backbone
@pytest.mark.parametrize('blocks', [[1], [0, 2], []])
def test_blocks_with_aea(name, blocks):
    model = small(name, blocks=blocks)
    assert list(model.interactions) == [str(block) for block in blocks]
    assert model(clips()).shape[:3] == (2, 2, channels_of(name)[-1])


@every_backbone
def test_a_plain_checkpoint_loads(name, tmp_path):
    plain, model = recognizer(backbone_config(name), seed=1), recognizer(backbone_config(name, aea=True))
    save_checkpoint({'state_dict': plain.state_dict()}, str(tmp_path / 'plain.pth'))
    own = {key: value.clone() for key, value in model.state_dict().items() if 'interactions' in key}
    load_checkpoint(model, str(tmp_path / 'plain.pth'), map_location='cpu')
    state = model.state_dict()
    for key, value in plain.state_dict().items():
        moved = key.replace('backbone.', 'backbone.backbone.', 1) if key.startswith('backbone.') else key
        assert torch.equal(state.pop(moved), value), key
    assert state.keys() == own.keys()
    assert all(torch.equal(state[key], value) for key, value in own.items())
    result = model.load_state_dict({**plain.state_dict(), 'backbone.gcn.7.odd': torch.zeros(1)}, strict=False)
    assert sorted(result.missing_keys) == sorted(own)
    assert result.unexpected_keys == ['backbone.backbone.gcn.7.odd']


@pytest.mark.parametrize('name', ['CTRGCN', 'STGCN'])
def test_copies_are_independent(name):
    model, x = small(name), clips()
    expected = model(x)
    average = ExponentialMovingAverage(model, momentum=0.5)
    copies = [average.eval()]
    if name == 'CTRGCN':  # mmaction2's blocks hold lambdas, which nobody can pickle
        copies.append(pickle.loads(pickle.dumps(model)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(other(x), expected) for other in copies)
    average.update_parameters(model)  # it moves: AEA of the copy is the one that its hooks call
    assert not torch.equal(average(x), expected)


def fail(module, args):
    raise ZeroDivisionError


def test_after_an_error_nothing_is_left():
    model, x = small('STGCN'), clips()
    expected = model(x)
    handle = model.backbone.gcn[2].register_forward_pre_hook(fail)
    with pytest.raises(ZeroDivisionError):
        model(clips(persons=3))
    handle.remove()
    with pytest.raises(RuntimeError, match='call it as a whole'):
        model.backbone(x)
    assert torch.equal(model(x), expected)


def test_threads_do_not_mix_their_clips():
    model = small('STGCN')
    inputs = [clips(persons=persons) for persons in (1, 2, 3, 2)]
    expected = [model(x) for x in inputs]
    together = threading.Barrier(len(inputs))
    model.backbone.gcn[0].register_forward_pre_hook(lambda module, args: (together.wait(60), None)[1])
    with ThreadPoolExecutor(len(inputs)) as pool:
        for out, wanted in zip(pool.map(model, inputs), expected, strict=True):
            assert torch.equal(out, wanted)


def test_compiled_it_runs_in_another_thread():
    """And without a break of the graph."""
    model, x = small('STGCN', blocks=[0]), clips()
    model.backbone.gcn, model.backbone.num_stages = model.backbone.gcn[:1], 1  # seconds, not minutes
    expected = model(x)
    torch._dynamo.reset()
    compiled = torch.compile(model, backend='eager', fullgraph=True)
    torch.testing.assert_close(compiled(x), expected, **TOLERANCE)
    with ThreadPoolExecutor(1) as pool:
        torch.testing.assert_close(pool.submit(compiled, x).result(), expected, **TOLERANCE)


class Odd(nn.Module):
    """A backbone with blocks in the right place, but without a graph or with persons not in the batch."""

    def __init__(self, in_channels=None, skeleton=None):
        super().__init__()
        block = nn.Module()
        block.gcn = nn.Identity()
        block.stride = 1
        self.gcn = nn.ModuleList([block])
        self.in_channels, self.skeleton = in_channels, skeleton
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.gcn[0].gcn(x)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(backbone=dict(type='MobileNetV2')), r'MobileNetV2 has no place for AEA; .*blocks\[k\].*ATNACNeck'),
        (dict(backbone=dict(type='ASEA', channels=(8,))), 'ASEA has AEA already; build it with interaction=None'),
        (dict(blocks=[0, 3]), r'blocks must be different ones within 0\.\.2, got \[0, 3\]'),
        (dict(blocks=[1, 1]), r'blocks must be different ones'),
        (dict(interaction=dict(geometry=1)), 'InteractionBackbone: geometry: expected 2 or 3, .* 3 channels .*, got 1'),
        (dict(interaction=dict(heads=4)), r"unknown interaction options \['heads'\]; known are"),
        (dict(backbone=dict(type='Odd')), r'cannot tell joints and input channels of Odd\. Put ATNACNeck'),
        (
            dict(backbone=dict(type='Odd', in_channels=3, skeleton=get_skeleton('sbu15'))),
            r'return \(N\*M, C, T, 15\), got \(2, 2, 2, 15, 3\)',
        ),
    ],
)
def test_errors(options, message):
    MODELS.register_module(module=Odd, force=True)
    with pytest.raises(InputError, match=message):
        build({**backbone_config('STGCN', aea=True), **options})
