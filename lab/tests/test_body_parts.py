"""The table of body parts is a direct count."""

import json

import numpy as np
import pytest
import torch
from mmaction.registry import DATASETS
from mmengine.registry import init_default_scope

from asea_mm.models import AEA
from asea_mm.skeletons import get_skeleton
from tests.visualization import aea_backbone, recognizer

from ..body_parts import count_body_parts, page
from ..files import RESULTS, read_json
from ..pictures.body_parts import draw_body_parts

CLASSES = ['shaking hands', 'kicking', 'pushing']
SKELETON = get_skeleton('nturgbd25')
PIPELINE = [
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=8, num_clips=2),
    dict(type='GenerateStream', stream='joint'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs', meta_keys=('frame_dir',)),
]


class Absent:
    """Takes the second person of every other sample away, of the others for the first frames."""

    def __call__(self, results):
        keypoint = results['keypoint']
        keypoint[1, : len(keypoint[1]) if int(results['frame_dir'][-1]) % 2 else 10] = 0
        return results


def synthetic(pipeline, **options):
    init_default_scope('mmaction')
    return DATASETS.build(
        dict(type='SyntheticInteractionDataset', split='val', classes=CLASSES, pipeline=pipeline, **options)
    )


@pytest.fixture(scope='module')
def counted():
    dataset = synthetic([Absent(), *PIPELINE], num_samples=6, num_frames=(16, 20), test_mode=True)
    model = recognizer('nturgbd25', aea_backbone('nturgbd25'))
    return model, dataset, count_body_parts(model, dataset, SKELETON, CLASSES, batch_size=4)


@torch.no_grad()
def direct_count(model, dataset, share):
    """Every (person, frame, layer) one by one, with hooks on AT-NAC itself."""
    shares, calls = {}, []
    layers = [module for module in model.modules() if isinstance(module, AEA)]
    handles = [
        layer.atnac.register_forward_hook(lambda module, args, out: calls.append((args, out.mask))) for layer in layers
    ]
    for index in range(len(dataset)):
        calls.clear()
        model.extract_feat(dataset[index]['inputs'][None].float())
        for (x, presence), mask in calls:
            presence = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool) if presence is None else presence
            for person, frame in presence.nonzero().tolist():
                assert frame < x.shape[2]
                for part, joints in SKELETON.part_indices.items():
                    active = share([bool(mask[person, joint]) for joint in joints])
                    shares.setdefault((dataset.get_data_info(index)['label'], part), []).append(active)
    for handle in handles:
        handle.remove()
    return np.array([[np.mean(shares[label, part]) for part in SKELETON.parts] for label in range(3)])


def test_shares_are_those_of_a_direct_count(counted):
    model, dataset, table = counted
    np.testing.assert_allclose(table.part_shares(), direct_count(model, dataset, np.mean), rtol=1e-6)
    np.testing.assert_allclose(table.any_shares(), direct_count(model, dataset, any), rtol=1e-6)
    assert 0 < table.part_shares().max() <= 1


def test_counts_and_page(counted):
    table = counted[2]
    assert table.samples.tolist() == [2, 2, 2]
    content = json.loads(json.dumps(table.as_dict()))
    assert [row['class'] for row in content['classes']] == CLASSES
    assert content['body_parts']['left_leg'] == ['left_hip', 'left_knee', 'left_ankle', 'left_foot']
    kicking = content['classes'][1]
    assert kicking['joints']['left_foot'] == pytest.approx(table.joint_shares()[1, 15])
    leg = np.mean([kicking['joints'][joint] for joint in content['body_parts']['left_leg']])
    assert kicking['parts']['left_leg'] == pytest.approx(leg)
    lines = page({'config': 'a.py', 'fold': None, 'commit': 'abc', 'checkpoint': 'a.pth', **content}).splitlines()
    assert '| class | samples | trunk | left arm | right arm | left leg | right leg |' in lines
    assert f'| shaking hands | 2 | {100 * table.part_shares()[0, 0]:.1f} |' in lines[6]


def test_a_class_without_samples_has_no_share(counted):
    table = count_body_parts(counted[0], synthetic(PIPELINE, num_samples=2), SKELETON, CLASSES)
    assert np.isnan(table.part_shares()[2]).all()
    assert table.as_dict()['classes'][2]['parts']['trunk'] is None
    draw_body_parts(table)


def test_the_kept_page_is_that_of_the_kept_counts():
    assert (RESULTS / 'sbu_body_parts.md').read_text() == page(read_json(RESULTS / 'sbu_body_parts.json'))
