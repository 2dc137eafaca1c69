"""Recordings of videos: every command reads them, evenly spaced in time."""

import numpy as np
import pytest

from asea_mm.datasets.recordings.samples import read_samples
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS
from asea_mm.video.keypoints import KeypointLog

from .clips import body

SKELETON = SKELETONS['coco17']


def two(time: float) -> dict[int, np.ndarray]:
    """Two people, the first of whom walks at 40 pixels a second."""
    return {1: body(100 + 40 * time), 2: body(300)}


def written(log: KeypointLog, path):
    log.write(path)
    (sample,) = read_samples(path, SKELETON)
    return sample


def test_a_recording_is_read_as_it_was(tmp_path):
    log = KeypointLog('coco17', 20, (400, 600))
    for number in range(30):
        log.add(number / 20, two(number / 20))
    sample = written(log, tmp_path / 'a.npz')
    assert sample.fps == 20
    assert sample.keypoint.shape == (2, 30, 17, 2)
    expected = np.stack([[two(number / 20)[person] for number in range(30)] for person in (1, 2)])
    np.testing.assert_allclose(sample.keypoint, expected[..., :2], rtol=1e-4)
    np.testing.assert_allclose(sample.score, expected[..., 2], rtol=1e-4)
    with np.load(tmp_path / 'a.npz', allow_pickle=False) as content:
        assert content['layout'] == 'coco17'
        assert content['img_shape'].tolist() == [400, 600]


@pytest.mark.parametrize('times', [[0, 0.1, 0.15, 0.4, 0.5, 0.52, 0.8, 1.0], [3.0, 3.3, 3.35, 3.7, 4.0]])
def test_uneven_times_become_even(tmp_path, times):
    log = KeypointLog('coco17', 10)
    for time in times:
        log.add(time, two(time))
    sample = written(log, tmp_path / 'a.npz')
    wanted = times[0] + np.arange(11) / 10
    expected = np.stack([[two(time)[person] for time in wanted] for person in (1, 2)])
    np.testing.assert_allclose(sample.keypoint, expected[..., :2], rtol=1e-3)


def test_between_two_frames_far_apart_in_time_nobody_is_made_up():
    log = KeypointLog('coco17', 10)
    for time in (0.0, 0.1, 3.0, 3.1):
        log.add(time, two(time))
    xs = log.recording().keypoint[0, :, 0, 0]
    known = {round(float(two(time)[1][0, 0]), 2) for time in (0.0, 0.1, 3.0, 3.1)}
    assert {round(float(x), 2) for x in xs} == known


def test_who_is_away_is_away():
    log = KeypointLog('coco17', 10)
    for number in range(20):
        people = two(number / 10)
        log.add(number / 10, people if number < 8 else {2: people[2]})
    keypoint = log.recording().keypoint
    assert np.isfinite(keypoint[0, :8]).all()
    assert np.isnan(keypoint[0, 8:]).all()
    assert np.isfinite(keypoint[1]).all()


def test_one_frame(tmp_path):
    log = KeypointLog('coco17', 30)
    log.add(0.0, two(0))
    assert written(log, tmp_path / 'a.npz').keypoint.shape == (2, 1, 17, 2)


def test_a_crowd_in_a_short_video_is_read(tmp_path):
    log = KeypointLog('coco17', 30)
    for number in range(3):
        log.add(number / 30, {person: body(300.0 * person) for person in range(1, 31)})
    assert len(written(log, tmp_path / 'a.npz').keypoint) == 10


@pytest.mark.parametrize(('frames', 'name'), [(0, 'a.npz'), (5, 'a.npz'), (0, 'a.csv')])
def test_nobody_and_wrong_names(tmp_path, frames, name):
    log = KeypointLog('coco17', 30)
    for number in range(frames):
        log.add(number / 30, {})
    with pytest.raises(InputError):
        log.write(tmp_path / name)
    assert not list(tmp_path.iterdir())
