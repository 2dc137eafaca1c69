"""Kinetics-10 from PYSKL's k400_hrnet.pkl: poses in the file, or in kpfiles beside it as PYSKL publishes them."""

import os
import pickle

import numpy as np
import pytest

from asea_mm.datasets import validate_annotation
from asea_mm.datasets.converters import convert_kinetics10
from asea_mm.errors import InputError

BODY = np.random.default_rng(0).uniform(-50, 50, (17, 2))


def pose(x: float, score: float = 0.9) -> np.ndarray:
    """A body at x, (17, 3)."""
    return np.column_stack([BODY + [x, 120], np.full(17, score)]).astype(np.float16)


# One recording of three frames: two persons who change rows, then one of them.
POSES = [[pose(100), pose(250, 0.8)], [pose(250, 0.8), pose(100)], [pose(100)]]


def plain(name: str, label: int = 158) -> dict:
    keypoint = np.zeros((2, 3, 17, 3), dtype=np.float16)
    for frame, poses in enumerate(POSES):
        keypoint[: len(poses), frame] = poses
    arrays = dict(keypoint=keypoint[..., :2], keypoint_score=keypoint[..., 2])
    return dict(frame_dir=name, label=label, total_frames=3, img_shape=(240, 340), original_shape=(240, 340), **arrays)


def published(name: str, raw_file: str, label: int = 158) -> dict:
    inds = np.array([0, 0, 1, 1, 2], dtype=np.int16)
    others = dict(box_score=np.ones(5), valid={0.5: 3}, img_shape=(240, 340))
    return dict(frame_dir=name, label=label, total_frames=3, raw_file=raw_file, frame_inds=inds, **others)


ENTRY = {'keypoint': np.stack([pose for frame in POSES for pose in frame])}


def write(path, annotations: list[dict], **split) -> os.PathLike:
    path.parent.mkdir(parents=True, exist_ok=True)
    split = split or dict(train=[item['frame_dir'] for item in annotations], val=[])
    path.write_bytes(pickle.dumps(dict(split=split, annotations=annotations)))
    return path


def check(annotation: dict) -> None:
    """The two persons have rows of their own, the first with the higher sum."""
    validate_annotation(annotation, 17, 10)
    centre = annotation['keypoint'][..., 0].mean(axis=-1) - BODY[:, 0].mean()
    np.testing.assert_allclose(centre[0], 100, atol=0.1)
    np.testing.assert_allclose(centre[1, :2], 250, atol=0.1)
    assert not annotation['keypoint'][1, 2].any()
    assert not annotation['keypoint_score'][1, 2].any()
    assert annotation['img_shape'] == annotation['original_shape'] == (240, 340)


def test_poses_in_the_file(tmp_path):
    items = [plain('a', 44), plain('b', 0), plain('c', 359)]
    conversion = convert_kinetics10(write(tmp_path / 'k.pkl', items, train=['a', 'b'], val=['c']))
    samples = list(conversion.annotations)
    assert [(sample['frame_dir'], sample['label']) for sample in samples] == [('a', 0), ('c', 9)]
    assert conversion.split == dict(train=['a'], val=['c'])
    assert (conversion.meta['layout'], conversion.meta['units']) == ('coco17', 'pixel')
    for sample in samples:
        check(sample)


def test_poses_in_files_beside_it(tmp_path):
    items = [published(name, f'data/k400/kpfiles/{file}.pkl') for name, file in (('a', 'x'), ('b', 'y'), ('c', 'x'))]
    path = write(tmp_path / 'k.pkl', items)
    (folder := tmp_path / 'kpfiles').mkdir()
    (folder / 'x.pkl').write_bytes(pickle.dumps(dict(a=ENTRY, c=ENTRY, other=ENTRY)))
    (folder / 'y.pkl').write_bytes(pickle.dumps(dict(b=ENTRY)))
    samples = list(convert_kinetics10(path).annotations)
    assert sorted(sample['frame_dir'] for sample in samples) == ['a', 'b', 'c']
    for sample in samples:
        check(sample)


NAN = ENTRY['keypoint'].copy()
NAN[3, 2] = np.nan
EXPECTED = "sample 'wrong': expected a finite 'keypoint' of shape (N, 17, 3)"
WRONG_FILES = {
    'missing': (None, {}, 'raw.pkl: not found'),
    'truncated': (pickle.dumps(dict(wrong=ENTRY))[:-9], {}, 'raw.pkl: not a pickle of arrays, or a damaged one'),
    'no entry': (dict(other=ENTRY), {}, EXPECTED),
    'nan': (dict(wrong={'keypoint': NAN}), {}, EXPECTED),
    'frame': (dict(wrong=ENTRY), dict(frame_inds=np.arange(5)), EXPECTED),
    'count': (dict(wrong=ENTRY), dict(total_frames=10**9), EXPECTED),
    'image': (dict(wrong=ENTRY), dict(img_shape=(240,)), "'img_shape' (height, width), got (240,)"),
}


@pytest.mark.parametrize(('content', 'changes', 'message'), WRONG_FILES.values(), ids=WRONG_FILES)
def test_a_wrong_file_of_poses_does_not_lose_the_others(tmp_path, monkeypatch, content, changes, message):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / 'k.pkl', [published('wrong', 'kpfiles/raw.pkl') | changes, plain('good')])
    if content is not None:
        (tmp_path / 'kpfiles').mkdir()
        (tmp_path / 'kpfiles' / 'raw.pkl').write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
    problems: list[str] = []
    samples = list(convert_kinetics10(path, on_problem=problems.append).annotations)
    assert [sample['frame_dir'] for sample in samples] == ['good']
    assert len(problems) == 1
    assert message in problems[0]


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(keypoint_score=None), "expected 'keypoint' of two coordinates and 'keypoint_score', got 2 and no scores"),
        (dict(keypoint_score=np.zeros((2, 3, 17))), 'nobody is in any frame'),
    ],
)
def test_a_wrong_sample_is_named(tmp_path, changes, message):
    path = write(tmp_path / 'k.pkl', [plain('wrong') | changes])
    with pytest.raises(InputError, match="'wrong'") as error:
        list(convert_kinetics10(path).annotations)
    assert message in str(error.value)


def test_files_that_are_not_kinetics(tmp_path):
    item = plain('wrong')
    del item['keypoint']
    with pytest.raises(InputError, match="'wrong': expected 'keypoint' and 'keypoint_score', or 'raw_file' and"):
        list(convert_kinetics10(write(tmp_path / 'k.pkl', [item])).annotations)
    with pytest.raises(InputError, match='no recording of train and val is of the ten classes'):
        convert_kinetics10(write(tmp_path / 'k.pkl', [plain('a', 3)]))
    with pytest.raises(InputError, match="no split 'train'"):
        convert_kinetics10(write(tmp_path / 'k.pkl', [plain('a')], xsub_train=['a']))
