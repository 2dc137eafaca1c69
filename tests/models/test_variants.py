"""ASEA's variants: each is an option, does what its name says, and its line in docs/interaction.md works."""

import argparse
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.models.utils import Graph
from mmaction.registry import MODELS
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope

from asea_mm.models import AEA, ATNACNeck
from asea_mm.skeletons import get_skeleton, graph_layout
from tests import textbook

from . import TOLERANCE, aea_pairs, labels, randomise, teach

ROOT = Path(__file__).parents[2]
FORMS = ('gathered', 'masked')
C, T, V = 6, 4, 7
LINES = re.findall(
    r'^python tools/train\.py (configs/\S+) --cfg-options (.+)$', (ROOT / 'docs/interaction.md').read_text(), re.M
)


def features(persons=2, samples=3):
    torch.manual_seed(0)
    return torch.randn(samples * persons, C, T, V, dtype=torch.float64)


def partly_present(persons, samples=3):
    presence = torch.ones(samples * persons, T, dtype=torch.bool)
    presence[persons, 1:] = False
    presence[-1, :2] = False
    return presence


def pair(form, gate=None, **options):
    """An AEA with options, and the paper's in its textbook form, with the same weights."""
    torch.manual_seed(1)
    paper, variant = AEA(C).double(), AEA(C, form=form, gate=gate is not None, **options).double()
    usual = textbook.AEA(C, paper.attention.qk_channels).double()
    teach(aea_pairs(paper, usual), randomise(paper.attention) and paper)
    variant.load_state_dict(paper.state_dict(), strict=False)
    if gate is not None:
        torch.nn.init.constant_(variant.gate, gate)
    return variant, usual


def without_inactive(usual, before, after, persons, presence):
    """The features after attention with inactive joints at zero, person by person and frame by frame."""
    out = after.clone()
    for p, x in enumerate(before):
        mask = usual.select(x, presence[p])[0]  # (T, V)
        first = p - p % persons
        others = [o for o in range(first, first + persons) if o != p]
        for t in range(T):
            if presence[p, t] and any(presence[o, t] for o in others):
                out[p, :, t, ~mask[t]] = 0
    return out


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize('gate', [None, 0.7])
@pytest.mark.parametrize('inactive', ['keep', 'drop'])
@pytest.mark.parametrize('persons', [2, 3])
@pytest.mark.parametrize('form', FORMS)
def test_inactive_joints_and_gate_against_the_textbook(form, persons, inactive, gate, present):
    variant, usual = pair(form, gate, inactive=inactive)
    x = features(persons)
    presence = torch.ones(len(x), T, dtype=torch.bool) if present == 'all' else partly_present(persons)
    expected = x + (1 if gate is None else variant.gate) * (usual(x, persons, presence) - x)
    if inactive == 'drop':
        expected = without_inactive(usual, x, expected, persons, presence)
        assert (expected == 0).any()
    given = None if present == 'all' else presence
    torch.testing.assert_close(variant(x, persons, given), expected, **TOLERANCE)
    with torch.no_grad():
        torch.testing.assert_close(variant(x.clone(), persons, given, inplace=True), expected, **TOLERANCE)


@pytest.mark.parametrize('present', ['all', 'some'])
@pytest.mark.parametrize('persons', [2, 3])
@pytest.mark.parametrize('form', FORMS)
def test_normalised_attention_against_the_textbook(form, persons, present):
    variant, usual = pair(form, 0.7, norm=True)
    torch.nn.init.uniform_(variant.norm.weight, 0.5, 2)
    x = features(persons)
    presence = torch.ones(len(x), T, dtype=torch.bool) if present == 'all' else partly_present(persons)
    update = usual(x, persons, presence) - x
    centred = update - update.mean(dim=1, keepdim=True)
    normed = centred / (centred.square().mean(dim=1, keepdim=True) + variant.norm.eps).sqrt()
    expected = x + 0.7 * variant.norm.weight[:, None, None] * normed
    given = None if present == 'all' else presence
    # the update of active joints is large beside the rounding of sums and differences; that of all others is zero
    torch.testing.assert_close(variant(x, persons, given), expected, rtol=1e-8, atol=1e-8)
    with torch.no_grad():
        torch.testing.assert_close(variant(x.clone(), persons, given, inplace=True), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize('form', FORMS)
def test_normalised_attention_leaves_one_without_a_partner_alone(form):
    variant, _ = pair(form, 0.7, norm=True)
    x, presence = features(), torch.ones(6, T, dtype=torch.bool)
    presence[1::2] = False
    leaf = x.requires_grad_()
    out = variant(leaf, 2, presence)
    assert torch.equal(out[::2], x[::2])
    out.sum().backward()
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
@pytest.mark.parametrize('form', FORMS)
def test_normalised_attention_under_autocast(form, dtype):
    torch.manual_seed(0)
    variant = AEA(C, form=form, norm=True)
    x = features().to(dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = variant(x, 2)
    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), variant(x.float(), 2), rtol=0.05, atol=0.1)


@pytest.mark.parametrize('norm', [False, True])
@pytest.mark.parametrize('persons', [2, 3])
def test_both_forms_have_the_same_gradients(persons, norm):
    results = []
    for form in FORMS:
        variant, _ = pair(form, 0.7, inactive='drop', norm=norm)
        leaf = features(persons).requires_grad_()
        variant(leaf, persons, partly_present(persons)).square().sum().backward()
        results.append([leaf.grad, *(parameter.grad for parameter in variant.parameters())])
    for gathered, masked in zip(*results, strict=True):
        torch.testing.assert_close(gathered, masked, **TOLERANCE)
        assert gathered.abs().max() > 1e-6


@pytest.mark.parametrize('form', FORMS)
def test_nothing_is_dropped_of_one_alone(form):
    variant, _ = pair(form, inactive='drop')
    x = features()
    assert torch.equal(variant(x, 1), x)
    presence = torch.ones(6, T, dtype=torch.bool)
    presence[1::2] = False
    assert torch.equal(variant(x, 2, presence)[::2], x[::2])


@pytest.mark.parametrize('form', FORMS)
def test_gate_starts_as_identity(form):
    variant, _ = pair(form, 0.0)
    x = features()
    assert torch.equal(variant(x, 2), x)
    variant(x, 2).square().sum().backward()
    assert variant.gate.grad.abs() > 1e-6


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('persons', [2, 3])
def test_without_selection_all_joints_attend(form, persons):
    """Table 4, "w/o AT-NAC"."""
    torch.manual_seed(1)
    variant = AEA(C, score='all', form=form).double()
    weight, bias = variant.attention.qkv.weight[:, :, 0, 0], variant.attention.qkv.bias
    sizes = (variant.attention.qk_channels, variant.attention.qk_channels, C)
    x, every = features(persons), [torch.ones(V, dtype=torch.bool)] * persons
    expected = [
        person
        for sample in x.split(persons)
        for person in textbook.external_attention(list(sample), every, *weight.split(sizes), *bias.split(sizes))
    ]
    torch.testing.assert_close(variant(x, persons), torch.stack(expected), **TOLERANCE)


def test_the_neck_takes_the_same_options():
    neck = ATNACNeck(8, inactive='drop', gate=True, norm=True)
    assert (neck.interaction.inactive, neck.interaction.gate.item()) == ('drop', 0.0)
    assert neck.interaction.norm.weight.shape == (8,)


def test_errors():
    with pytest.raises(ValueError, match="inactive must be one of .* got 'mask'"):
        AEA(C, inactive='mask')


def layers_of(line):
    """Every AEA of the model that a line of the docs trains, by name."""
    init_default_scope('mmaction')
    path, options = line
    cfg = Config.fromfile(ROOT / path)
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction)
    cfg.merge_from_dict(parser.parse_args(['--cfg-options', *shlex.split(options)]).cfg_options)
    model = MODELS.build(cfg.model)
    model.loss(torch.randn(2, 1, 2, 8, 15, 6), labels(2))
    return {name: module for name, module in model.named_modules() if isinstance(module, AEA)}


# what a line of the docs, found by its options, must make of every AEA, and how many there are
EFFECTS = {
    'model.backbone.interaction=None': (0, dict()),
    'model.backbone.interaction.score=all': (5, dict(score='all')),
    'model.backbone.interaction.score=velocity': (5, dict(score='velocity')),
    'model.backbone.interaction.threshold_grad=none': (5, dict(threshold_grad='none')),
    'model.backbone.interaction_blocks=[3,4]': (2, dict()),
    'model.backbone.interaction=None model.neck.type=ATNACNeck model.neck.in_channels=128': (1, dict()),
    'model.backbone.interaction.inactive=drop': (5, dict(inactive='drop')),
    'model.backbone.interaction.gate=False': (5, dict()),
    'model.backbone.interaction.norm=True': (5, dict()),
    'model.backbone.blocks=[3,4]': (2, dict()),
}


def test_every_line_of_the_docs_is_tested():
    assert {options for _, options in LINES} == set(EFFECTS)


@pytest.mark.parametrize('line', LINES, ids=lambda line: line[1].replace('model.', ''))
def test_lines_of_the_docs(line):
    path, options = line
    count, expected = EFFECTS[options]
    found = layers_of(line)
    assert len(found) == count
    for layer in found.values():
        for key, value in expected.items():
            assert getattr(layer, key, getattr(layer.atnac, key, None)) == value
        assert (layer.gate is None) == ('gate=False' in options or 'ATNACNeck' in options)
        assert (layer.norm is None) == ('norm=True' not in options)


@pytest.mark.parametrize('mode', ['spatial', 'stgcn_spatial'])
@pytest.mark.parametrize('layout', ['sbu15', 'openpose18', 'nturgbd25'])
def test_graphs_of_mmaction2_are_of_our_table(layout, mode):
    graph, skeleton = Graph(graph_layout(layout), mode), get_skeleton(layout)
    linked = (graph.A.sum(axis=0) > 0) & ~np.eye(skeleton.num_joints, dtype=bool)
    expected = {frozenset(bone) for bone in skeleton.bones}
    assert {frozenset(skeleton.joints[k] for k in pair) for pair in np.argwhere(linked)} == expected
    assert skeleton.joints[graph.center] == skeleton.centre
    if mode == 'spatial':
        np.testing.assert_allclose(graph.A, skeleton.adjacency(), rtol=1e-6)


@pytest.mark.parametrize('path', sorted(ROOT.glob('configs/*gcn*_*.py')), ids=lambda path: path.stem)
def test_leaves_name_the_layout_of_their_data(path):
    backbone = Config.fromfile(path).model.backbone
    backbone = backbone.get('backbone', backbone)
    data = {'sbu': 'sbu15', 'kinetics10': 'openpose18', 'ntu26': 'nturgbd25', 'ntu60': 'nturgbd25'}
    expected = data[path.stem.rpartition('_')[2]]
    if 'graph_cfg' in backbone:
        assert backbone.graph_cfg.layout == graph_layout(expected)
    else:
        assert backbone.layout == expected
