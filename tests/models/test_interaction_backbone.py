"""AEA in every backbone: one table of them, one sweep over joints, persons and recognizers."""

import copy
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.model import ExponentialMovingAverage
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint, save_checkpoint
from torch import nn

from asea_mm.models import AEA, ASEA
from asea_mm.models.layers import presence_of, stride_presence
from asea_mm.skeletons import get_skeleton, graph_layout

from . import CLASSES, TOLERANCE, keypoints, labels, randomise

LAYOUTS = ('nturgbd25', 'sbu15', 'openpose18')
WIDTH = 24  # of the last block


def theirs(name, mode='stgcn_spatial', **options):
    small = dict(base_channels=12, num_stages=3, inflate_stages=[3], down_stages=[2, 3])
    return lambda layout, persons: dict(
        type=name, graph_cfg=dict(layout=graph_layout(layout), mode=mode), num_person=persons, **small, **options
    )


def ours(name, channels=(8, 8, 24), **options):
    return lambda layout, persons: dict(type=name, layout=layout, channels=channels, strides=(1, 2, 2), **options)


# every backbone that takes AEA, small; the config by layout and number of persons
BACKBONES = {
    'STGCN': theirs('STGCN'),
    'STGCN++': theirs('STGCN', 'spatial', gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn'),
    'AAGCN': theirs('AAGCN'),
    'ASEA': ours('ASEA', interaction=None),
    'CTRGCN': ours('CTRGCN'),
    'MSG3D': ours('MSG3D', (12, 12, 24), num_scales=3, window_scales=2),
    'DeGCN': ours('DeGCN'),
    'MSSAGCN': ours('MSSAGCN', heads=1),
}
# what makes them small; without, they have the widths of the papers: 64, 128, 256
SMALL = ('base_channels', 'num_stages', 'inflate_stages', 'down_stages', 'channels', 'strides')
NOT_PICKLED = ('STGCN', 'STGCN++', 'AAGCN')  # mmaction2's blocks hold lambdas, which nobody can pickle


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmaction')  # where AAGCN's initialisation is found


every_backbone = pytest.mark.parametrize('name', BACKBONES)


def config(name, wrap=True, layout='sbu15', persons=2, **options):
    backbone = BACKBONES[name](layout, persons)
    return dict(type='InteractionBackbone', backbone=backbone, **options) if wrap else backbone


def build(name, wrap=True, seed=0, **options):
    torch.manual_seed(seed)
    return randomise(MODELS.build(config(name, wrap, **options)).double())


def build_recognizer(name, wrap=True, recognizer='InteractionRecognizer', seed=0, head='GCNHead', **options):
    torch.manual_seed(seed)
    return MODELS.build(
        dict(
            type=recognizer,
            data_preprocessor=dict(type='mmaction.ActionDataPreprocessor'),
            backbone=config(name, wrap, **options),
            cls_head=dict(type=head, num_classes=CLASSES, in_channels=WIDTH),
        )
    )


def clips(frames=8, **sizes):
    """Two clips; in the second the last person leaves early."""
    x = keypoints(frames=frames, **sizes)
    if x.shape[1] > 1:
        x[1, -1, frames // 2 :] = 0
    return x


@every_backbone
@pytest.mark.parametrize('wrap', [False, True], ids=['plain', 'AEA'])
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('persons', [1, 2, 3])
def test_every_backbone_trains(name, wrap, layout, persons):
    joints = get_skeleton(layout).num_joints
    inputs = clips(persons=persons, joints=joints)[:, None].float()
    for recognizer in ('RecognizerGCN', 'InteractionRecognizer'):
        model = build_recognizer(name, wrap, recognizer, layout=layout, persons=persons)
        model.init_weights()
        losses = model.loss(inputs, labels(2))
        assert ('loss_reg' in losses) == (wrap and recognizer == 'InteractionRecognizer')
        losses['loss_cls'].backward()
        for key, parameter in model.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.isfinite().all(), key
        alphas = [part.atnac.alpha for part in model.modules() if isinstance(part, AEA)]
        assert len(alphas) == 3 * wrap
        assert persons == 1 or all(alpha.grad != 0 for alpha in alphas)
        assert model.extract_feat(inputs, stage='backbone')[0].shape == (2, persons, WIDTH, 2, joints)


@every_backbone
def test_every_backbone_trains_under_bfloat16_autocast(name):
    model = build_recognizer(name, head='InteractionHead')  # GCNHead's accuracy fails on bfloat16
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model.loss(clips()[:, None].float(), labels(2))
    losses['loss_cls'].backward()
    assert losses['loss_cls'].isfinite()
    for key, parameter in model.named_parameters():
        assert parameter.grad.isfinite().all(), key


@every_backbone
def test_graph_capture_in_one_piece(name):
    one = dict(num_stages=1) if name in NOT_PICKLED else dict(channels=[24], strides=[1])  # block: seconds, not minutes
    small = config(name)
    model = randomise(MODELS.build(dict(small, backbone=small['backbone'] | one)).double()).eval()
    x = clips()
    torch._dynamo.reset()
    compiled = torch.compile(model, backend='aot_eager', fullgraph=True)
    torch.testing.assert_close(compiled(x), model(x), **TOLERANCE)


@pytest.mark.parametrize('name', ['STGCN', 'STGCN++', 'AAGCN'])
def test_in_mmaction2s_blocks_it_is_between_gcn_and_tcn(name):
    """Their forward pass written down, with AEA where Fig. 2 has it."""
    model = build(name).eval()
    inner = model.backbone
    x = clips(frames=7)
    presence = presence_of(x)
    n, m, t, v, c = x.shape
    y = x.permute(0, 1, 3, 4, 2).contiguous()
    y = inner.data_bn(y.view((n, m * v * c, t) if inner.data_bn_type == 'MVC' else (n * m, v * c, t)))
    y = y.view(n, m, v, c, t).permute(0, 1, 3, 4, 2).reshape(n * m, c, t, v)
    for k, block in enumerate(inner.gcn):
        mixed = block.gcn(y) if not block.gcn._forward_hooks else block.gcn.forward(y)  # without the hook
        mixed = model.interactions[str(k)](mixed, m, stride_presence(presence, y.shape[2]).flatten(0, 1))
        y = torch.relu(block.tcn(mixed.contiguous()) + block.residual(y))
    torch.testing.assert_close(model(x), y.view(n, m, *y.shape[1:]), **TOLERANCE)


@pytest.mark.parametrize('form', ['gathered', 'masked'])
def test_in_ctr_gcn_it_is_asea(form):
    """Table 3's "CTR-GCN + AEA" and ASEA with CTR-GCN's way of downsampling are one function."""
    model = build('CTRGCN', interaction=dict(form=form))
    asea = ASEA('sbu15', channels=(8, 8, 24), strides=(1, 2, 2), interaction=dict(form=form), downsample='conv')
    moved = {}
    for key, value in model.state_dict().items():
        head, _, rest = key.partition('.')
        block, _, tail = rest.partition('.')
        moved[rest if head == 'backbone' else f'blocks.{block}.interaction.{tail}'] = value
    asea.double().load_state_dict(moved, strict=True)
    for training in (True, False):
        x = clips()
        torch.testing.assert_close(model.train(training)(x), asea.train(training)(x), **TOLERANCE)


@every_backbone
@pytest.mark.parametrize('persons', [2, 3])
def test_persons_attend_to_the_others_of_their_clip_only(name, persons):
    """Persons are folded M fastest, in every backbone."""
    model, plain = build(name, persons=persons).eval(), build(name, wrap=False, persons=persons).eval()
    x = keypoints(frames=8, persons=persons)
    other = x.clone()
    other[0, -1] = other[0, -1].flip(0)
    for backbone, partner_matters in ((model, True), (plain, False)):
        before, after = backbone(x), backbone(other)
        changed = ((before - after).abs() > 1e-9).flatten(2).any(dim=2)
        assert changed[0].tolist() == [partner_matters] * (persons - 1) + [True]
        assert not changed[1].any()


@every_backbone
def test_without_a_partner_it_is_the_plain_backbone(name):
    model, plain = build(name).eval(), build(name, wrap=False).eval()
    plain.load_state_dict(model.backbone.state_dict())
    x = keypoints(frames=8)
    assert not torch.allclose(model(x), plain(x))
    x[:, 1] = 0
    torch.testing.assert_close(model(x), plain(x), **TOLERANCE)


@every_backbone
def test_with_a_gate_it_starts_as_the_plain_backbone(name):
    torch.manual_seed(0)
    model = MODELS.build(config(name, interaction=dict(gate=True))).double()
    x = clips()
    plain = MODELS.build(config(name, wrap=False)).double().eval()
    plain.load_state_dict(model.backbone.state_dict())
    torch.testing.assert_close(model.eval()(x), plain(x), **TOLERANCE)
    model(x).square().mean().backward()
    assert all(layer.gate.grad.isfinite() for layer in model.interactions.values())
    assert any(layer.gate.grad != 0 for layer in model.interactions.values())


@every_backbone
@pytest.mark.parametrize('blocks', [[1], [0, 2], []])
def test_blocks_with_interaction(name, blocks):
    model = build(name, blocks=blocks)
    assert list(model.interactions) == [str(block) for block in blocks]
    assert model(clips()).shape[:3] == (2, 2, WIDTH)


@every_backbone
def test_size_in_the_papers_widths(name):
    """Table 3: AEA adds 0.71 to 0.74 M parameters to ST-GCN, 2s-AGCN, CTR-GCN and DeGCN."""
    full = {key: value for key, value in BACKBONES[name]('nturgbd25', 2).items() if key not in SMALL}
    plain, model = MODELS.build(full), MODELS.build(dict(type='InteractionBackbone', backbone=full))
    added = sum(p.numel() for p in model.parameters()) - sum(p.numel() for p in plain.parameters())
    assert 0.6e6 < added < 0.8e6 or name == 'MSG3D'  # which has three blocks, of 96, 192 and 384 channels
    assert added == sum(p.numel() for p in model.interactions.parameters())


@every_backbone
def test_a_plain_checkpoint_loads(name, tmp_path):
    plain, model = build_recognizer(name, wrap=False, seed=1), build_recognizer(name)
    randomise(plain)
    save_checkpoint({'state_dict': plain.state_dict()}, str(tmp_path / 'plain.pth'))
    content = torch.load(tmp_path / 'plain.pth', weights_only=True)['state_dict']
    assert all(not key.startswith('backbone.backbone') for key in content)
    own = {key: value.clone() for key, value in model.state_dict().items() if 'interactions' in key}
    load_checkpoint(model, str(tmp_path / 'plain.pth'), map_location='cpu')
    state = model.state_dict()
    for key, value in plain.state_dict().items():
        moved = key.replace('backbone.', 'backbone.backbone.', 1) if key.startswith('backbone.') else key
        assert torch.equal(state.pop(moved), value), key
    assert state.keys() == own.keys()
    assert all(torch.equal(state[key], value) for key, value in own.items())
    result = model.load_state_dict(plain.state_dict(), strict=False)
    assert sorted(result.missing_keys) == sorted(own)
    assert result.unexpected_keys == []


@every_backbone
def test_its_own_checkpoint_loads_strictly(name, tmp_path):
    model, other = (randomise(build_recognizer(name, seed=seed)) for seed in (0, 1))
    save_checkpoint({'state_dict': model.state_dict()}, str(tmp_path / 'model.pth'))
    load_checkpoint(other, str(tmp_path / 'model.pth'), map_location='cpu', strict=True)
    x = clips()[:, None].float()
    assert torch.equal(model.eval()(x, stage='head'), other.eval()(x, stage='head'))


def test_weights_that_are_of_nobody_are_unexpected():
    model = build('STGCN')
    state = {**model.state_dict(), 'gcn.7.gcn.conv.weight': torch.zeros(1)}
    assert model.load_state_dict(state, strict=False).unexpected_keys == ['backbone.gcn.7.gcn.conv.weight']


@every_backbone
def test_copies_are_independent(name):
    model, x = build(name).eval(), clips()
    expected = model(x)
    copies = [copy.deepcopy(model), ExponentialMovingAverage(model, momentum=0.5)]
    if name not in NOT_PICKLED:
        copies.append(pickle.loads(pickle.dumps(model)))
    for other in copies:
        assert torch.equal(other.eval()(x), expected)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    for other in copies:
        assert torch.equal(other(x), expected)
    copies[1].update_parameters(model)  # the average moves: AEA of the copy is the one that its hooks call
    assert not torch.equal(copies[1](x), expected)


def test_after_an_error_nothing_is_left():
    model, x = build('STGCN').eval(), clips()
    expected = model(x)
    handle = model.backbone.gcn[2].register_forward_pre_hook(fail)
    with pytest.raises(ZeroDivisionError):
        model(clips(persons=3))
    handle.remove()
    with pytest.raises(RuntimeError, match='call it as a whole'):
        model.backbone(x)
    assert torch.equal(model(x), expected)


def fail(module, args):
    raise ZeroDivisionError


def test_threads_do_not_mix_their_clips():
    model = build('STGCN').eval()
    inputs = [clips(persons=persons) for persons in (1, 2, 3, 2)]
    expected = [model(x) for x in inputs]
    together = threading.Barrier(len(inputs))
    model.backbone.gcn[0].register_forward_pre_hook(lambda module, args: (together.wait(60), None)[1])
    with ThreadPoolExecutor(len(inputs)) as pool:
        for out, wanted in zip(pool.map(model, inputs), expected, strict=True):
            assert torch.equal(out, wanted)


@pytest.mark.parametrize('recognizer', ['RecognizerGCN', 'InteractionRecognizer'])
def test_presence_may_be_given_and_is_else_where_keypoints_are(recognizer):
    model = build_recognizer('CTRGCN', recognizer=recognizer).double().eval()
    x = clips()
    given = model.backbone(x, presence_of(x))
    assert torch.equal(model.extract_feat(x[:, None], stage='backbone')[0], given)
    everywhere = torch.ones(x.shape[:3], dtype=torch.bool)
    assert not torch.allclose(model.backbone(x, everywhere), given)


def test_channels_may_be_given():
    assert build('STGCN', channels=[12, 12, 24]).interactions['2'].attention.channels == 24
    buffers = dict(MODELS.build(config('STGCN')).backbone.named_buffers())
    assert buffers['data_bn.num_batches_tracked'] == 0, 'looking for the channels must leave no trace'
    assert MODELS.build(config('STGCN')).training


def test_random_numbers_are_those_of_the_plain_backbone():
    """Same seed, same start: a comparison of plain and AEA differs in AEA only."""
    torch.manual_seed(3)
    plain = MODELS.build(config('AAGCN', wrap=False)).state_dict()
    torch.manual_seed(3)
    inner = MODELS.build(config('AAGCN')).backbone.state_dict()
    assert all(torch.equal(inner[key], value) for key, value in plain.items())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(backbone=dict(type='MobileNetV2')), r'MobileNetV2 has no place for AEA; .*blocks\[k\].*ATNACNeck'),
        (dict(backbone=dict(type='ASEA', channels=(8,))), 'ASEA has AEA already; build it with interaction=None'),
        (dict(blocks=[0, 3]), r'blocks must be different ones within 0\.\.2, got \[0, 3\]'),
        (dict(blocks=[1, 1]), r'blocks must be different ones'),
        (dict(channels=[8]), r'expected channels of 3 blocks, got \[8\]'),
        (dict(interaction=dict(heads=4)), r"unknown interaction options \['heads'\]; known are"),
        (dict(interaction=dict(score='speed')), 'score must be one of'),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({**config('STGCN'), **options})


class Odd(nn.Module):
    """A backbone with blocks in the right place, but without a graph or with persons not in the batch."""

    def __init__(self, in_channels=None, graph=None):
        super().__init__()
        block = nn.Module()
        block.gcn = nn.Identity()
        self.gcn = nn.ModuleList([block])
        self.in_channels, self.graph = in_channels, graph
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.gcn[0].gcn(x)


@pytest.mark.parametrize(
    ('odd', 'message'),
    [
        (dict(), r'cannot tell joints and input channels of Odd; give channels='),
        (dict(in_channels=3, graph=get_skeleton('sbu15')), r'return \(N\*M, C, T, 15\), got \(2, 2, 8, 15, 3\)'),
    ],
)
def test_errors_of_foreign_backbones(odd, message):
    MODELS.register_module(module=Odd, force=True)
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type='InteractionBackbone', backbone=dict(type='Odd', **odd)))


def train_in_two_processes(rank, file):
    import torch.distributed as dist

    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{file}', rank=rank, world_size=2)
    for name in BACKBONES:
        model = build_recognizer(name)
        parallel = nn.parallel.DistributedDataParallel(model)  # find_unused_parameters=False
        for step in range(2):  # the second step finds parameters that the first left without a gradient
            losses = parallel(clips(seed=2 * step + rank)[:, None].float(), labels(2), mode='loss')
            (losses['loss_cls'] + losses['loss_reg']).backward()
        grads = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
        of_all = [torch.empty_like(grads) for _ in range(2)]
        dist.all_gather(of_all, grads)
        assert torch.equal(*of_all), name
        assert grads.isfinite().all(), name
    os._exit(0)  # on the way out, DDP and its threads hang once in a while; that is not what is tested


def test_every_backbone_trains_in_two_processes(tmp_path):
    context = torch.multiprocessing.get_context('spawn')
    both = [context.Process(target=train_in_two_processes, args=(rank, tmp_path / 'store')) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(180)
    codes = [process.exitcode for process in both]
    for process in both:
        process.kill()
    assert codes == [0, 0]
