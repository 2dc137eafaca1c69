"""What a training begins from: the backbone whole, a head of other classes anew, and nothing that does not fit."""

import copy

import pytest
import torch
from mmaction.registry import MODELS

from asea_mm.engine.beginning import fit_beginning
from asea_mm.errors import InputError

ASEA = dict(type='ASEA', layout='sbu15', channels=(8, 16), strides=(1, 2))
STGCN = dict(type='STGCN', graph_cfg=dict(layout='coco', mode='stgcn_spatial'), base_channels=8, num_stages=2)


def model(backbone, classes=5, in_channels=16):
    head = dict(type='GCNHead', num_classes=classes, in_channels=in_channels)
    return MODELS.build(dict(type='InteractionRecognizer', backbone=copy.deepcopy(backbone), cls_head=head))


def saved(of, classes=None, prefix=''):
    weights = {prefix + name: weight.clone() for name, weight in of.state_dict().items()}
    return {'state_dict': weights, 'meta': {'dataset_meta': {'classes': classes}} if classes else {}}


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize(
    ('count', 'before', 'now', 'anew'),
    [
        (5, list('abcde'), tuple('abcde'), False),
        (5, None, tuple('abcde'), False),
        (5, list('abcde'), None, False),
        (5, list('abcde'), tuple('abcdf'), True),
        (8, list('abcde'), None, True),
    ],
)
def test_the_head_begins_anew_where_classes_are_others(prefix, count, before, now, anew):
    earlier, new = model(ASEA), model(ASEA, count)
    content = saved(earlier, before, prefix)
    fit_beginning(new, now, content, 'a.pth')
    fresh = {name: weight.clone() for name, weight in new.state_dict().items()}
    missing, unexpected = new.load_state_dict(
        {name.removeprefix('module.'): weight for name, weight in content['state_dict'].items()}, strict=False
    )
    assert not missing
    assert not unexpected
    for name, weight in new.state_dict().items():
        source = fresh if anew and name.startswith('cls_head.') else earlier.state_dict()
        assert torch.equal(weight, source[name]), name


@pytest.mark.parametrize(
    ('change', 'in_channels'),
    [(dict(layout='common13'), 16), (dict(in_channels=6), 16), (dict(channels=(8, 24)), 24)],
)
def test_another_backbone_is_refused(change, in_channels):
    content = saved(model(ASEA))
    content['meta']['cfg'] = "model = dict(backbone=dict(type='ASEA', layout='sbu15', in_channels=3))"
    with pytest.raises(InputError, match=r'a\.pth: load_from: backbone\..*layout=sbu15, in_channels=3') as caught:
        fit_beginning(model({**ASEA, **change}, in_channels=in_channels), None, content, 'a.pth')
    assert len(str(caught.value)) < 500


def test_a_plain_backbone_begins_one_with_interaction_and_strangers_begin_none():
    content = saved(model(STGCN, in_channels=8))
    wrapped = model(dict(type='InteractionBackbone', backbone=STGCN), in_channels=8)
    fit_beginning(wrapped, None, content, 'a.pth')
    missing, unexpected = wrapped.load_state_dict(content['state_dict'], strict=False)
    assert not unexpected
    assert all('interactions' in name for name in missing)
    with pytest.raises(InputError, match=r'a\.pth.*first\.weight'):
        fit_beginning(wrapped, None, {'state_dict': {'first.weight': torch.zeros(2)}}, 'a.pth')
