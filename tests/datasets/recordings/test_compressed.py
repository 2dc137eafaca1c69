"""PYSKL's compressed annotations: poses in a row become two persons over frames, or are refused where they are read."""

import pickle

import numpy as np
import pytest
from mmaction.registry import DATASETS

from asea_mm.datasets import load_annotations
from asea_mm.datasets.check import check_annotations
from asea_mm.datasets.converters.annotation_file import convert_annotations
from asea_mm.datasets.recordings.compressed import decompress
from asea_mm.datasets.recordings.samples import read_samples
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton

BODY = np.random.default_rng(0).uniform(-50, 50, (17, 2))
FRAMES = 16


def persons() -> tuple[np.ndarray, np.ndarray]:
    """Two persons who walk towards each other, the second from frame 4 on; (2, T, 17, 2) and (2, T, 17)."""
    keypoint = np.array([[BODY + [x + step * t, 200] for t in range(FRAMES)] for x, step in ((200, 3), (600, -3))])
    score = np.random.default_rng(1).uniform(0.5, 1, (2, FRAMES, 17))
    keypoint[1, :4], score[1, :4] = 0, 0
    return keypoint, score


def compressed(name: str = 'clip', label: int = 0, **changes) -> dict:
    """As PYSKL writes it, the poses of a frame in any order."""
    values = np.concatenate([persons()[0], persons()[1][..., None]], axis=-1)
    rows = [(t, values[m, t]) for t in range(FRAMES) for m in ((0, 1) if t % 2 else (1, 0)) if values[m, t].any()]
    return {
        'frame_dir': name,
        'label': label,
        'img_shape': (480, 800),
        'total_frames': FRAMES,
        'frame_inds': np.array([t for t, _ in rows], dtype=np.int16),
        'keypoint': np.stack([pose for _, pose in rows]).astype(np.float16),
        'box_score': np.ones(len(rows), dtype=np.float16),
        **changes,
    }


@pytest.fixture
def path(tmp_path):
    content = {'split': {'train': ['a'], 'val': ['b']}, 'annotations': [compressed('a'), compressed('b', 1)]}
    (tmp_path / 'mine.pkl').write_bytes(pickle.dumps(content))
    return tmp_path / 'mine.pkl'


def assert_decompressed(annotation) -> None:
    keypoint, score = persons()
    np.testing.assert_allclose(annotation['keypoint'], keypoint, atol=0.3)  # half precision
    np.testing.assert_allclose(annotation['keypoint_score'], score, atol=1e-3)
    assert annotation['keypoint'].shape == keypoint.shape


def test_poses_become_persons():
    annotation = decompress(compressed(), 'mine.pkl')
    assert_decompressed(annotation)
    assert not {'frame_inds', 'box_score'} & set(annotation)
    assert decompress(annotation, 'mine.pkl') is annotation
    first = compressed()['frame_inds'] < 3
    chosen = decompress(compressed(anno_inds=np.flatnonzero(first)), 'mine.pkl')
    assert chosen['keypoint'].any(axis=(2, 3)).sum(axis=1).tolist() == [3, 0]


def test_a_file_is_converted(path, tmp_path):
    convert_annotations(path, tmp_path / 'new.pkl', layout='coco17')
    content = load_annotations(tmp_path / 'new.pkl')
    assert content['split'] == {'train': ['a'], 'val': ['b']}
    for annotation in content['annotations']:
        assert_decompressed(annotation)
    facts = check_annotations(tmp_path / 'new.pkl').facts
    assert facts['share of frames with persons'] == {'1': 4 / FRAMES, '2': 1 - 4 / FRAMES}


def test_who_does_not_read_it_says_what_to_do(path):
    finding = check_annotations(path, 'coco17').findings['compressed']
    assert (finding.count, finding.named) == (2, ['a', 'b'])
    assert 'asea prepare convert' in finding.advice
    with pytest.raises(InputError, match="mine.pkl: sample 'a': .*compressed .*asea prepare convert"):
        DATASETS.build(dict(type='InteractionPoseDataset', ann_file=str(path), layout='coco17', pipeline=[]))


def test_the_inferencer_reads_it(path):
    samples = [*read_samples(path, get_skeleton('coco17'))]
    assert [sample.name for sample in samples] == ['a', 'b']
    np.testing.assert_allclose(samples[0].keypoint, persons()[0], atol=0.3)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'total_frames': 15}, "'frame_inds' to be whole numbers below 15"),
        ({'total_frames': 10**12}, "'total_frames' from 1 to"),
        ({'total_frames': None}, "'total_frames' from 1 to"),
        ({'frame_inds': np.zeros(3, int)}, r'got shapes \(28, 17, 3\) and \(3,\)'),
        ({'frame_inds': np.full(28, 0.5)}, "'frame_inds' to be whole numbers"),
        ({'keypoint': np.zeros((28, 17, 2))}, r'\(28, 17, 2\)'),
        ({'keypoint': None}, "'keypoint' of N poses"),
        ({'keypoint': np.full((28, 17, 3), np.nan)}, 'got NaN'),
        ({'anno_inds': np.array([99])}, "'anno_inds' below 28"),
    ],
)
def test_what_is_wrong_with_it_is_named(changes, message):
    with pytest.raises(InputError, match=f"^mine.pkl: sample 'clip': expected .*{message}"):
        decompress(compressed(**changes), 'mine.pkl')
