"""Simulated recordings, and figures on them."""

import numpy as np
import pytest

from asea_mm.apis.watching import WatchOptions
from asea_mm.datasets.synthetic_dataset import CLASSES, SyntheticInteractionDataset
from asea_mm.keypoints import NO_INTERACTION, presence
from asea_mm.skeletons import get_skeleton
from lab.events import measure_events
from lab.simulation import FPS, simulate


@pytest.fixture(scope='module')
def clips():
    dataset = SyntheticInteractionDataset([], num_samples=24, num_frames=(30, 45), test_mode=True)
    return [dataset.get_data_info(index) for index in range(24)]


def test_recording_holds_its_events(clips):
    made = simulate(clips, CLASSES, np.random.default_rng(0), num_clips=4)
    there = presence(made.keypoint)
    assert len(made.events) == 4
    assert np.isfinite(made.keypoint).all()
    ends = [event.end for event in made.events]
    assert ends == sorted(ends)
    assert ends[-1] <= made.keypoint.shape[1] / FPS
    for event in made.events:
        start, stop = round(event.start * FPS), round(event.end * FPS)
        pair = made.keypoint[list(event.persons)]
        assert there[list(event.persons), start:stop].all()
        assert there[list(event.persons), start - 15 : start].all()  # they stand before
        moved = pair[:, start:stop] - pair[:, start : start + 1]
        known = [clip['keypoint'] - clip['keypoint'][:, :1] for clip in clips if clip['total_frames'] == stop - start]
        assert any(np.allclose(moved, clip, atol=1e-4) for clip in known)
        still = np.abs(np.diff(pair[:, start - 15 : start], axis=1)).max()
        assert still < 0.05
    assert 0 < made.idle_seconds < made.keypoint.shape[1] / FPS


class Oracle:
    """Knows from the motion whether anything goes on, and calls it by one name."""

    skeleton, num_person = get_skeleton('nturgbd25'), 2
    classes = ['anything', NO_INTERACTION]

    def prepare(self, clip):
        return {}

    def classify(self, clips):
        scores = []
        for clip in clips:
            steps = np.linalg.norm(np.diff(clip.keypoint, axis=1), axis=-1).max(axis=(0, 2))
            share = float((steps > 0.03).mean())
            scores.append(np.array([share, 1 - share]))
        return scores


def test_figures(clips):
    options = WatchOptions(fps=FPS, window=1.0, stride=0.2, enter=0.6, leave=0.4, min_length=0.4)
    classes = ['anything'] * len(CLASSES)
    figures, recordings = measure_events(Oracle(), clips, classes, options, 2, 0)
    assert figures['events'] == 12
    assert len(recordings) == 2
    assert figures['recall'] > 0.6
    assert figures['f1'] <= figures['f1_without_labels']
    assert figures['start_error_median_s'] < 0.4
    other, _ = measure_events(Oracle(), clips, ['other'] * len(CLASSES), options, 1, 0)
    assert other['f1'] == 0 < other['f1_without_labels']
