"""Channel-wise topology refinement and CTR-GCN against Eq. 1-2 and the usual code."""

import pytest
import torch
from torch import nn

from asea_mm.models.layers import spatial
from asea_mm.models.layers.spatial import CTRGC
from asea_mm.skeletons import get_skeleton
from tests import textbook

from . import TOLERANCE, keypoints, randomise, recognizer

ADJACENCY = torch.from_numpy(get_skeleton('sbu15').adjacency()).double()
KINDS = ('weight', 'bias', 'running_mean', 'running_var', 'adjacency', 'alpha')


def usual_parts(usual):
    """Parts of our CTR-GCN, and the modules of the textbook's that each is made of, one after the other."""
    parts = {'backbone.data_bn': [usual.data_bn], 'cls_head.fc': [usual.fc]}
    for k, block in enumerate(usual.blocks):
        name, gcn, branches = f'backbone.blocks.{k}', block.gcn, block.tcn.branches
        relation = [*(subset.theta for subset in gcn.subsets), *(subset.phi for subset in gcn.subsets)]
        parts |= {f'{name}.spatial': [gcn], f'{name}.spatial.bn': [gcn.bn], f'{name}.spatial.relation': relation}
        for part in ('delta', 'value'):
            parts[f'{name}.spatial.{part}'] = [getattr(subset, part) for subset in gcn.subsets]
        for j in range(2):
            parts[f'{name}.temporal.reduce.{j}'] = [branch[j] for branch in branches[:3]]
            parts[f'{name}.temporal.dilated.{j}'] = [branches[j][3]]
            if isinstance(gcn.down, nn.Sequential):
                parts[f'{name}.spatial.residual.{j}'] = [gcn.down[j]]
            if isinstance(block.residual, nn.Sequential):
                parts[f'{name}.residual.{j}'] = [block.residual[j]]
        parts |= {f'{name}.temporal.skip': [branches[3][0]], f'{name}.temporal.bn': [branch[-1] for branch in branches]}
    return parts


def state(parts, of=lambda tensor: tensor):
    """By our names what the textbook's modules hold, or ``of`` it."""
    return {
        f'{name}.{kind}': torch.cat([of(getattr(module, kind)) for module in modules])
        for name, modules in parts.items()
        for kind in KINDS
        if hasattr(modules[0], kind)
    }


def grad_or_value(tensor):
    return tensor.grad if tensor.requires_grad else tensor


@pytest.mark.parametrize('training', [True, False])
def test_ctr_gcn_is_the_textbook_form(training):
    torch.manual_seed(0)
    usual = randomise(textbook.CTRGCN(5, ADJACENCY, num_person=1).double()).train(training)
    with torch.no_grad():  # far from where ten random layers explode
        for parameter in usual.parameters():
            parameter.mul_(0.3)
    fast = recognizer(dict(type='CTRGCN', layout='sbu15', channels=[64] * 4 + [128] * 3 + [256] * 3)).train(training)
    missing, unexpected = fast.load_state_dict(state(usual_parts(usual)), strict=False)
    assert not unexpected
    assert all(name.endswith('num_batches_tracked') for name in missing)
    x = keypoints(samples=3, persons=1)
    ours, theirs = fast(x[:, None], stage='head'), usual(x)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)
    towards = torch.randn_like(theirs)
    for scores in (ours, theirs):
        scores.backward(towards)
    tensors = dict([*fast.named_parameters(), *fast.named_buffers()])
    for name, expected in state(usual_parts(usual), grad_or_value).items():
        tensor = grad_or_value(tensors[name])
        torch.testing.assert_close(tensor, expected, **TOLERANCE, msg=lambda text, name=name: f'{name}: {text}')


@pytest.mark.parametrize('together', [1, 3, 4])
def test_a_few_samples_at_a_time_are_all_at_once(monkeypatch, together):
    torch.manual_seed(5)
    layer = randomise(CTRGC(8, 16, ADJACENCY).double()).eval()
    layer.fuse()
    x = torch.randn(4, 8, 5, 15, dtype=torch.float64)
    presence = torch.ones(4, 5, dtype=torch.bool)
    presence[1, 3:] = presence[3] = False
    x *= presence[:, None, :, None]
    at_once = layer(x, presence)
    taken = []
    products = layer._products
    monkeypatch.setattr(layer, '_products', lambda x, relations: taken.append(len(x)) or products(x, relations))
    monkeypatch.setattr(spatial, 'CACHED_NUMBERS', together * 16 * 5 * 15)
    with torch.no_grad():
        torch.testing.assert_close(layer(x, presence), at_once.detach(), **TOLERANCE)
    assert taken == {1: [1, 1, 1, 1], 3: [3, 1], 4: [4]}[together]


def test_starts_as_its_residual_with_the_given_graph():
    torch.manual_seed(2)
    layer = CTRGC(8, 8, ADJACENCY).double()
    x = torch.randn(2, 8, 4, 15, dtype=torch.float64)
    for topology, adjacency in zip(layer.topologies(layer.relations(x)), ADJACENCY, strict=True):
        torch.testing.assert_close(topology, adjacency.expand(2, 8, 15, 15), rtol=0, atol=0)
    torch.testing.assert_close(layer(x), x.relu(), rtol=0, atol=1e-4)
