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

from ..pictures.body_parts import count_body_parts, draw_body_parts

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


@pytest.fixture(scope='module')
def found():
    init_default_scope('mmaction')
    options = dict(split='val', num_samples=6, classes=['shaking hands', 'kicking', 'pushing'], test_mode=True)
    dataset = DATASETS.build(
        dict(type='SyntheticInteractionDataset', pipeline=[Absent(), *PIPELINE], num_frames=(16, 20), **options)
    )
    model = recognizer('nturgbd25', aea_backbone('nturgbd25'))
    return model, dataset, count_body_parts(model, dataset, batch_size=4)


@torch.no_grad()
def direct_count(model, dataset, measure):
    """Every (person, frame, stage) one by one, with hooks on AT-NAC itself."""
    skeleton = get_skeleton('nturgbd25')
    shares = {}
    seen = []
    layers = [module for module in model.modules() if isinstance(module, AEA)]
    handles = [
        layer.atnac.register_forward_hook(lambda module, args, out: seen.append((args, out.mask))) for layer in layers
    ]
    for index in range(len(dataset)):
        seen.clear()
        data = dataset[index]
        model.extract_feat(data['inputs'][None].float())
        for (x, presence), mask in seen:
            presence = torch.ones(x.shape[0], x.shape[2], dtype=torch.bool) if presence is None else presence
            for person in range(x.shape[0]):
                for frame in range(x.shape[2]):
                    if presence[person, frame]:
                        for part, joints in skeleton.part_indices.items():
                            active = [bool(mask[person, joint]) for joint in joints]
                            count = np.mean(active) if measure == 'joints' else any(active)
                            shares.setdefault((dataset.get_data_info(index)['label'], part), []).append(count)
    for handle in handles:
        handle.remove()
    return np.array([[np.mean(shares[label, part]) for part in skeleton.parts] for label in range(3)])


@pytest.mark.parametrize('measure', ['joints', 'any'])
def test_shares_are_those_of_a_direct_count(found, measure):
    model, dataset, table = found
    np.testing.assert_allclose(table.part_shares(measure), direct_count(model, dataset, measure), rtol=1e-6)
    assert 0 < table.part_shares(measure).max() <= 1


def test_counts_and_files(found, tmp_path):
    _, _, table = found
    assert table.samples.tolist() == [2, 2, 2]
    content = json.loads(json.dumps(table.as_dict()))
    assert [row['class'] for row in content['classes']] == ['shaking hands', 'kicking', 'pushing']
    assert content['body_parts']['left_leg'] == ['left_hip', 'left_knee', 'left_ankle', 'left_foot']
    shares = table.joint_shares()
    assert content['classes'][1]['joints']['left_foot'] == pytest.approx(shares[1, 15])
    leg = np.mean([content['classes'][1]['joints'][joint] for joint in content['body_parts']['left_leg']])
    assert content['classes'][1]['parts']['left_leg'] == pytest.approx(leg)
    lines = table.as_markdown().splitlines()
    assert lines[0] == '| class | samples | trunk | left arm | right arm | left leg | right leg |'
    assert lines[2].startswith(f'| shaking hands | 2 | {100 * table.part_shares()[0, 0]:.1f} |')
    with pytest.raises(ValueError, match='measure must be one of'):
        table.part_shares('most')


@pytest.mark.parametrize('measure', ['joints', 'any'])
def test_heat_map(found, measure):
    table = found[2]
    figure = draw_body_parts(table, measure)
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), table.part_shares(measure))
    np.testing.assert_allclose(figure.axes[1].images[0].get_array(), table.joint_shares())
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(table.classes)


def test_a_class_without_samples_has_no_share(found):
    model, dataset, _ = found
    short = DATASETS.build(
        dict(
            type='SyntheticInteractionDataset',
            pipeline=PIPELINE,
            split='val',
            num_samples=2,
            classes=['hugging', 'kicking', 'pushing'],
        )
    )
    table = count_body_parts(model, short)
    assert np.isnan(table.part_shares()[2]).all()
    assert table.as_dict()['classes'][2]['parts']['trunk'] is None
    assert table.as_markdown().splitlines()[-1].startswith('| pushing | 0 | - |')
    draw_body_parts(table)
