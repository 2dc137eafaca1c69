"""Kinetics-10 from PYSKL's k400_hrnet.pkl: poses in kpfiles beside it, as PYSKL publishes them."""

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


def published(name: str, raw_file: str = 'kpfiles/raw.pkl', label: int = 158) -> dict:
    inds = np.array([0, 0, 1, 1, 2], dtype=np.int16)
    others = dict(box_score=np.ones(5), valid={0.5: 3}, img_shape=(240, 340))
    return dict(frame_dir=name, label=label, total_frames=3, raw_file=raw_file, frame_inds=inds, **others)


ENTRY = {'keypoint': np.stack([pose for frame in POSES for pose in frame])}


def write(path, annotations: list[dict], files: dict, **split) -> os.PathLike:
    """``k400_hrnet.pkl`` and its ``kpfiles``."""
    split = split or dict(train=[item['frame_dir'] for item in annotations], val=[])
    path.write_bytes(pickle.dumps(dict(split=split, annotations=annotations)))
    (folder := path.parent / 'kpfiles').mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else pickle.dumps(content))
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


def test_poses_in_files_beside_it(tmp_path):
    files = {'a': 'x', 'b': 'y', 'c': 'x', 'd': 'x'}
    labels = {'a': 44, 'b': 158, 'c': 359, 'd': 0}
    items = [published(name, f'data/k400/kpfiles/{files[name]}.pkl', labels[name]) for name in files]
    contents = {'x.pkl': dict(a=ENTRY, c=ENTRY, other=ENTRY), 'y.pkl': dict(b=ENTRY)}
    conversion = convert_kinetics10(write(tmp_path / 'k.pkl', items, contents, train=['a', 'b', 'd'], val=['c']))
    samples = list(conversion.annotations)
    assert {sample['frame_dir']: sample['label'] for sample in samples} == {'a': 0, 'b': 1, 'c': 9}
    assert conversion.split == dict(train=['a', 'b'], val=['c'])
    assert (conversion.meta['layout'], conversion.meta['units']) == ('coco17', 'pixel')
    for sample in samples:
        check(sample)


NAN = ENTRY['keypoint'].copy()
NAN[3, 2] = np.nan
EXPECTED = "sample 'wrong': expected a finite 'keypoint' of shape (N, 17, 3)"
GOOD = dict(wrong=ENTRY)
WRONG = {
    'missing': (None, {}, 'raw.pkl: not found'),
    'truncated': (pickle.dumps(GOOD)[:-9], {}, 'raw.pkl: expected a pickle'),
    'no entry': (dict(other=ENTRY), {}, EXPECTED),
    'nan': (dict(wrong={'keypoint': NAN}), {}, EXPECTED),
    'frame': (GOOD, dict(frame_inds=np.arange(5)), EXPECTED),
    'count': (GOOD, dict(total_frames=10**9), "'total_frames' up to 3000"),
    'image': (GOOD, dict(img_shape=(240,)), "'img_shape' (height, width), got (240,)"),
    'other form': (GOOD, dict(raw_file=None), "'wrong': expected 'raw_file' and 'frame_inds'"),
    'nobody there': (
        dict(wrong={'keypoint': ENTRY['keypoint'] * (1, 1, 0)}),
        {},
        "'wrong': expected at least one person",
    ),
}


@pytest.mark.parametrize(('content', 'changes', 'message'), WRONG.values(), ids=WRONG)
def test_a_wrong_recording_does_not_lose_the_others(tmp_path, content, changes, message):
    items = [published('wrong') | changes, published('good', 'kpfiles/good.pkl')]
    files = {'good.pkl': dict(good=ENTRY)} | ({} if content is None else {'raw.pkl': content})
    conversion = convert_kinetics10(write(tmp_path / 'k.pkl', items, files), skip_bad=True)
    assert [sample['frame_dir'] for sample in conversion.annotations] == ['good']
    (problem,) = conversion.problems
    assert message in problem


def test_files_that_are_not_kinetics(tmp_path):
    with pytest.raises(InputError, match='expected recordings of the ten classes'):
        convert_kinetics10(write(tmp_path / 'k.pkl', [published('a', label=3)], {}))
    with pytest.raises(InputError, match="no split 'train'"):
        convert_kinetics10(write(tmp_path / 'k.pkl', [published('a')], {}, xsub_train=['a']))
