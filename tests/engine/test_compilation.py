"""Compiled models say what they say without; where there is nothing to gain or to compile with, that is said."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from asea_mm.engine import compilation
from asea_mm.engine.compilation import compile_model, compile_options
from asea_mm.errors import InputError
from asea_mm.models.layers import AEA
from asea_mm.models.layers.products import sum_of_products
from asea_mm.visualization.probe import watch

from ..models import BACKBONES, backbone_config, channels_of, keypoints, labels, recognizer

CLOSE = dict(rtol=1e-7, atol=1e-9)


@pytest.fixture(autouse=True)
def nothing_compiled_before():
    torch._dynamo.reset()


def clips(samples=3, absences=True):
    x = keypoints(samples=samples)
    if absences:
        x[0, 1] = 0
        x[1, :, 5:] = 0
    return x[:, None]


def trained_step(model, x):
    """Loss and gradients of one step."""
    model.zero_grad()
    loss = sum(value for key, value in model.loss(x, labels(len(x))).items() if key.startswith('loss'))
    loss.backward()
    return [loss.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)]


@pytest.mark.parametrize(('name', 'aea'), [('ASEA', False), *((name, True) for name in BACKBONES)])
def test_forward_and_loss_are_one_graph_with_and_without_absences(name, aea):
    model = recognizer(backbone_config(name, aea, channels=channels_of(name)[1:])).eval()
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    def loss(inputs):
        scores, _ = model.extract_feat(inputs, stage='head')
        alphas = [module.alpha for module in model.thresholds().values()]
        return F.cross_entropy(scores, torch.arange(2)) + (model.loss_reg(alphas) if alphas else 0)

    compiled = torch.compile(loss, backend=backend, fullgraph=True)
    for absences in (False, True):
        results = []
        for function in (loss, compiled):
            model.zero_grad()
            value = function(clips(2, absences))
            value.backward()
            results.append([value.detach(), *(p.grad.clone() for p in model.parameters() if p.grad is not None)])
        torch.testing.assert_close(*results, **CLOSE)
    assert len(graphs) == 1


@pytest.mark.parametrize(('name', 'aea'), [('ASEA', True), ('STGCN++', False)])
def test_compiled_in_place_it_trains_and_scores_the_same(name, aea):
    model = recognizer(backbone_config(name, aea, channels=(8, 8))).eval()
    twin = copy.deepcopy(model)
    assert compile_model(twin, 'cpu', backend='eager')
    assert list(twin.state_dict()) == list(model.state_dict())
    for training in (True, False):
        torch.testing.assert_close(*(trained_step(m.train(training), clips()) for m in (twin, model)), **CLOSE)


def test_another_number_of_samples_is_not_compiled_anew():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    model = recognizer(backbone_config('ASEA', channels=(8,), interaction={})).eval()
    expected = [model(clips(samples), stage='head') for samples in (4, 3, 7)]
    compile_model(model, 'cpu', backend=backend)
    got = [model(clips(4), stage='head')]
    once = len(graphs)
    got += [model(clips(samples), stage='head') for samples in (3, 7)]
    torch.testing.assert_close(got, expected, **CLOSE)
    assert once == len(graphs) == len(model.backbone.blocks)


def test_blocks_of_one_size_are_compiled_once():
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    config = backbone_config('ASEA', channels=(8, 8, 8), interaction={}) | dict(strides=[1] * 3)
    model = recognizer(config).eval()
    expected = model(clips(), stage='head')
    compile_model(model, 'cpu', backend=backend)
    torch.testing.assert_close(model(clips(), stage='head'), expected, **CLOSE)
    assert len(graphs) == 2, 'the first, which has no residual, and the other two'


def test_copies_are_not_compiled_and_the_probe_sees_what_it_sees_without():
    model = recognizer(backbone_config('ASEA', channels=(8,), interaction={})).eval()
    calls = []

    def backend(graph, inputs):
        calls.append(graph)
        return graph.forward

    compile_model(model, 'cpu', backend=backend)
    twin = copy.deepcopy(model)
    with watch(twin) as expected:
        twin(clips(), stage='head')
    with watch(model) as readings:
        model(clips(), stage='head')
    assert not calls
    assert readings.keys() == expected.keys() == {n for n, m in model.named_modules() if isinstance(m, AEA)}
    assert all(torch.equal(readings[name]['mask'], expected[name]['mask']) for name in expected)
    model(clips(), stage='head')
    assert calls


def test_inductor_gives_the_same():
    """The one test that generates code. That of a whole block takes a compiler minutes: make gpu has it."""

    def function(left, right):
        return sum_of_products([(left.relu(), right), (left.sin(), right.relu())]).cos().sum()

    compiled = torch.compile(function, backend='inductor', fullgraph=True)
    for batch in (3, 2):
        inputs = torch.randn(batch, 4, 5, requires_grad=True), torch.randn(batch, 5, 6, requires_grad=True)
        results = [(f(*inputs), *torch.autograd.grad(f(*inputs), inputs)) for f in (compiled, function)]
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


def test_a_cpu_is_left_alone():
    model = recognizer(backbone_config('ASEA'))
    assert not compile_model(model, 'cpu')
    assert all(module._compiled_call_impl is None for module in model.modules())


def test_what_can_be_mended_is_said(monkeypatch):
    model = recognizer(backbone_config('ASEA'))
    with pytest.raises(InputError, match='compile: expected whole, .*; got fast'):
        compile_model(model, 'cpu', backend='eager', fast=True)
    with pytest.raises(InputError, match="compile: expected True, False or options .*, got 'yes'"):
        compile_options(Config(dict(compile='yes')))
    monkeypatch.setattr(compilation.shutil, 'which', lambda name: None)
    with pytest.raises(InputError, match='needs a C'):
        compile_model(model, 'cpu', backend='inductor')
    monkeypatch.setattr(compilation, 'find_spec', lambda name: None)
    with pytest.raises(InputError, match='needs the package triton'):
        compile_model(model, 'cuda')


@pytest.mark.parametrize(
    ('given', 'expected'), [(None, None), (False, None), (True, {}), (dict(mode='default'), dict(mode='default'))]
)
def test_options_of_a_config(given, expected):
    assert compile_options(Config(dict(compile=given))) == expected


def test_the_sum_of_products_passes_the_checks_of_operators():
    left = [torch.randn(4, 3, 5, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    right = [torch.randn(4, 5, 6, dtype=torch.float64).transpose(0, 0).requires_grad_() for _ in range(2)]
    torch.library.opcheck(torch.ops.asea_mm.sum_of_products.default, (left, right))
    expected = sum(a @ b for a, b in zip(left, right, strict=True))
    compiled = torch.compile(lambda a, b: sum_of_products(zip(a, b, strict=True)), backend='aot_eager', fullgraph=True)
    grads = []
    for sum_of in (expected, sum_of_products(zip(left, right, strict=True)), compiled(left, right)):
        torch.testing.assert_close(sum_of, expected)
        grads.append(torch.autograd.grad(sum_of.sin().sum(), [*left, *right], retain_graph=True))
    for other in grads[1:]:
        torch.testing.assert_close(other, grads[0])
