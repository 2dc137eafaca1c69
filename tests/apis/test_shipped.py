"""The models that come along: their names, the choice between them, and that the layout does not matter."""

from pathlib import Path

import numpy as np
import pytest
import torch

from asea_mm.apis import InteractionInferencer, model_for
from asea_mm.apis.loading import load_model
from asea_mm.datasets import SyntheticInteractionDataset
from asea_mm.datasets.transforms import ProjectTo2D
from asea_mm.engine.checkpoints import local_checkpoint, read_checkpoint, shipped_checkpoints
from asea_mm.keypoints import NO_INTERACTION
from asea_mm.layout_mapping import LayoutMapping
from asea_mm.skeletons import get_skeleton

NAMES = ('pair2d', 'pair3d')
COMMON = get_skeleton('common13')
LIMIT = 6_000_000  # bytes of all weights together


@pytest.fixture(scope='module')
def motions():
    """Pairs in space with the common joints."""
    dataset = SyntheticInteractionDataset([], num_samples=12, num_frames=(30, 40), test_mode=True)
    mapping = LayoutMapping(get_skeleton('nturgbd25'), COMMON)
    return [mapping.apply(dataset.get_data_info(index)['keypoint'])[0] for index in range(0, 12, 2)]


def test_what_comes_along():
    shipped = shipped_checkpoints()
    assert tuple(shipped) == NAMES
    assert sum(path.stat().st_size for path in shipped.values()) <= LIMIT
    for path in shipped.values():
        assert path.with_suffix('.md').is_file()
        assert set(read_checkpoint(path)) == {'state_dict', 'meta'}  # no state of a training


@pytest.mark.parametrize('name', NAMES)
def test_a_name_is_a_model(name):
    trained = load_model(name)
    assert trained.skeleton.name == trained.model_skeleton.name == 'common13'
    assert trained.temperature is not None
    assert len(trained.classes) == 10
    assert trained.classes[-1] == NO_INTERACTION


def test_a_file_of_the_name_goes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert local_checkpoint('pair3d') == shipped_checkpoints()['pair3d']
    (tmp_path / 'pair3d').mkdir()
    assert local_checkpoint('pair3d') == shipped_checkpoints()['pair3d']
    (tmp_path / 'pair3d').rmdir()
    torch.save({'state_dict': {'mine': torch.zeros(1)}}, tmp_path / 'pair3d')
    assert local_checkpoint('pair3d') == Path('pair3d')
    assert list(read_checkpoint('pair3d')['state_dict']) == ['mine']
    for wrong in ('pair3D', 'pair3', 'folder/pair3d'):
        with pytest.raises(FileNotFoundError, match=wrong):
            local_checkpoint(wrong)


def test_the_data_choose(tmp_path, motions):
    in_space, in_image = motions[0], 500 + 200 * motions[0][..., :2]
    np.save(tmp_path / 'space.npy', in_space)
    np.save(tmp_path / 'image.npy', in_image)
    (tmp_path / 'damaged.npy').write_bytes(b'nothing')
    assert model_for(in_space) == model_for(tmp_path / 'space.npy') == 'pair3d'
    assert model_for(in_image) == model_for(tmp_path / 'image.npy') == 'pair2d'
    assert model_for([tmp_path / 'damaged.npy', tmp_path / 'image.npy']) == 'pair2d'
    assert model_for(np.zeros((2, 10, 17, 2)) + in_image[:, :10, :1], layout='coco17') == 'pair2d'
    assert model_for(tmp_path / 'none.npy') == 'pair3d'


def in_layout(keypoint, name):
    """The common joints as another layout has them, by its rules the other way round."""

    def joint_of(joint):
        side = joint.partition('_')[0]
        if any(word in joint for word in ('nose', 'eye', 'ear', 'head')):
            joint = 'head'
        elif joint.endswith(('toe', 'heel')):
            joint = f'{side}_ankle'
        if joint in COMMON.joints:
            return keypoint[:, :, COMMON.joints.index(joint)]
        one = dict(name=joint, joints=[joint, 'head'], bones=[[joint, 'head']])
        return LayoutMapping(COMMON, get_skeleton(one)).apply(keypoint)[0][:, :, 0]

    return np.stack([joint_of(joint) for joint in get_skeleton(name).joints], axis=2)


@pytest.mark.parametrize(
    ('model', 'layout'),
    [
        *(('pair3d', layout) for layout in ('nturgbd25', 'sbu15')),
        *(('pair2d', layout) for layout in ('openpose18', 'coco17', 'body25', 'nturgbd25', 'sbu15')),
    ],
)
def test_the_same_motion_in_another_layout_has_the_same_label(motions, model, layout):
    camera = ProjectTo2D(yaw=170, pitch=10, distance=4, focal_length=1, missing=0, noise=0, score=0.9)
    own, other = InteractionInferencer(model), InteractionInferencer(model, layout=layout)
    sure = []
    for motion in motions:
        if model == 'pair2d':
            seen = camera.transform({'keypoint': motion, 'layout': COMMON, 'frame_dir': 'pair'})
            motion = seen['keypoint']
        expected, got = own(motion, fill(model, motion)), other(moved := in_layout(motion, layout), fill(model, moved))
        assert got.label_name == expected.label_name
        np.testing.assert_allclose(got.scores, expected.scores, atol=1e-4)
        sure.append(expected.score < 1)
    assert any(sure)  # not all by the rule of distance


def fill(model, keypoint):
    """Scores of poses in images."""
    return 0.9 * keypoint.any(axis=-1) if model == 'pair2d' else None
