"""Events of a scene, offline and as a stream."""

import numpy as np
import pytest

from asea_mm.apis.streaming import StreamingRecognizer
from asea_mm.apis.watching import EventWatcher, WatchOptions, find_events
from asea_mm.datasets.recordings.finish import Sample
from asea_mm.datasets.recordings.together import are_together
from asea_mm.errors import InputError
from asea_mm.keypoints import NO_INTERACTION
from asea_mm.skeletons import get_skeleton

SKELETON = get_skeleton('common13')
HEIGHTS = dict(shoulder=1.4, elbow=1.1, wrist=0.9, hip=0.9, knee=0.5, ankle=0.1)
CLASSES = ['raising hands', NO_INTERACTION]
OPTIONS = WatchOptions(fps=15, window=1.0, stride=0.2, enter=0.6, leave=0.4, min_length=0.4)


class HandsModel:
    """Stands for a trained model: raised hands are an interaction."""

    skeleton, classes, num_person = SKELETON, CLASSES, 2

    def __init__(self):
        self.clips = []

    def prepare(self, clip):
        return {}

    def classify(self, clips):
        self.clips += clips
        scores = []
        for clip in clips:
            wrists, heads = clip.keypoint[..., SKELETON.joints.index('left_wrist'), 1], clip.keypoint[..., 0, 1]
            share = float((wrists > heads)[0].mean())
            scores.append(np.array([share, 1 - share]))
        return scores


def standing(x=0.0, raised=False):
    """A body in metres, y up."""
    body = np.zeros((SKELETON.num_joints, 3), np.float32)
    for index, joint in enumerate(SKELETON.joints):
        side = -0.2 if joint.startswith('left') else 0.2 if joint.startswith('right') else 0
        height = HEIGHTS.get(joint.rpartition('_')[2], 1.7)
        body[index] = x + side, height, 0.1
    if raised:
        body[SKELETON.joints.index('left_wrist'), 1] = 2.0
    return body


def scene(acts, seconds=12.0, fps=30.0, others=1.0, third=None):
    """Persons 0 and 1, who raise their hands in these intervals, and maybe a third one; ``(M, T, V, 3)``."""
    frames = []
    for number in range(round(seconds * fps)):
        raised = any(start <= number / fps < end for start, end in acts)
        persons = [standing(0, raised), standing(others, raised)] + ([] if third is None else [standing(third, True)])
        frames.append(np.stack(persons))
    return np.stack(frames, axis=1)


@pytest.mark.parametrize('fps', [10.0, 15.0, 25.0, 30.0, 60.0])
def test_events_do_not_depend_on_the_frame_rate(fps):
    events = find_events(HandsModel(), Sample('scene', scene([(3.0, 5.0), (8.0, 9.5)], fps=fps)), fps, OPTIONS)
    assert [event.label for event in events] == ['raising hands'] * 2
    for event, (start, end) in zip(events, [(3.0, 5.0), (8.0, 9.5)], strict=True):
        assert abs(event.start - start) < 0.2
        assert abs(event.end - end) < 0.2
        assert event.persons == (0, 1)


def test_frames_that_were_dropped():
    keypoint, rng = scene([(3.0, 6.0)]), np.random.default_rng(0)
    watcher, events = EventWatcher(HandsModel(), OPTIONS, scored=False), []
    for number in range(keypoint.shape[1]):
        if number % 30 < 2 or rng.random() < 0.5:
            events += watcher.push(number / 30, dict(enumerate(keypoint[:, number])))
    (event,) = events + watcher.finish()
    assert abs(event.start - 3.0) < 0.25
    assert abs(event.end - 6.0) < 0.25


def test_stream_and_recording_say_the_same():
    keypoint = scene([(3.0, 5.0), (8.0, 9.5)])
    watcher, events = EventWatcher(HandsModel(), OPTIONS, scored=False, keep_curves=True), []
    for number in range(keypoint.shape[1]):
        new = watcher.push(number / 30, dict(enumerate(keypoint[:, number])))
        assert all(number / 30 - event.end < 2.5 for event in new)  # soon after they are over
        events += new
    events += watcher.finish()
    assert events == find_events(HandsModel(), Sample('scene', keypoint), 30, OPTIONS)
    curves = watcher.curves.of_classes(CLASSES)
    assert list(curves) == ['raising hands']
    times, scores = curves['raising hands']
    assert len(times) == len(scores) > 40
    assert max(scores) == 1
    assert min(scores) == 0


def test_recording_of_less_than_a_window():
    keypoint = scene([(0.0, 1.0)], seconds=0.7)
    (event,) = find_events(HandsModel(), Sample('short', keypoint), 30, OPTIONS)
    assert event.start == 0
    assert 0.6 < event.end <= 0.75


@pytest.mark.parametrize(
    ('others', 'third', 'pairs'), [(4.0, None, set()), (1.0, 5.5, {(0, 1)}), (1.0, None, {(0, 1)})]
)
def test_passers_by_get_no_label(others, third, pairs):
    model = HandsModel()
    events = find_events(model, Sample('scene', scene([(2.0, 5.0)], others=others, third=third)), 30, OPTIONS)
    assert {event.persons for event in events} == pairs


def test_nobody_and_one_person():
    model = HandsModel()
    assert find_events(model, Sample('one', scene([(2.0, 5.0)])[:1]), 30, OPTIONS) == []
    assert find_events(model, Sample('none', 0 * scene([(2.0, 5.0)])), 30, OPTIONS) == []
    assert not model.clips


def test_long_pauses_are_not_bridged():
    """Of a camera that stood still for a minute, nobody knows what was between."""
    watcher = EventWatcher(HandsModel(), OPTIONS, scored=False)
    bodies = dict(enumerate(scene([(0.0, 1.0)], seconds=0.1)[:, 0]))
    events = [event for time in np.arange(0, 3, 0.1) for event in watcher.push(float(time), bodies)]
    events += watcher.push(60.0, bodies)
    for time in np.arange(60.1, 63, 0.1):
        events += watcher.push(float(time), bodies)
    events += watcher.finish()
    assert len(events) == 2
    assert events[0].end < 4
    assert events[1].start > 59


def test_memory_is_flat():
    watcher = EventWatcher(HandsModel(), OPTIONS, scored=False)
    rng = np.random.default_rng(0)
    for number in range(1500):  # another two persons every two seconds
        first = 2 * (number // 60)
        bodies = {first: standing(rng.normal(scale=0.01)), first + 1: standing(1)}
        watcher.push(number / 30, bodies)
    assert len(watcher.finder._pairs) <= 4
    assert len(watcher.stream.tracks) <= 4


@pytest.mark.parametrize('time', [1.0, 0.5, float('nan')])
def test_time_runs_forwards(time):
    watcher = EventWatcher(HandsModel(), OPTIONS)
    watcher.push(1.0, {})
    with pytest.raises(InputError):
        watcher.push(time, {})


def test_ids_that_change_do_not_break_events():
    keypoint = scene([(2.0, 6.0)])
    watcher, events = EventWatcher(HandsModel(), OPTIONS, scored=False), []
    for number in range(keypoint.shape[1]):
        ids = (0, 1) if number < 120 else (7, 1)
        events += watcher.push(number / 30, dict(zip(ids, keypoint[:, number], strict=True)))
    (event,) = events + watcher.finish()
    assert event.persons == (0, 1)
    assert abs(event.end - 6.0) < 0.25


@pytest.mark.parametrize('scale', [1.0, 300.0])
def test_who_is_together(scale):
    """The rule in metres and in pixels."""
    space = scale == 1.0
    two = scene([], seconds=0.5, others=1.0)[..., : 3 if space else 2] * scale
    assert are_together(two)
    far = scene([], seconds=0.5, others=4.0)[..., : 3 if space else 2] * scale
    assert not are_together(far)
    assert not are_together(two[:1])
    alone = two.copy()
    alone[1] = 0
    assert not are_together(alone)
    alone[1, :1] = two[1, :1]  # there for a moment
    assert not are_together(alone)
    if not space:
        behind = two.copy()
        behind[1] = behind[0] * 0.35  # far behind the other, at the same place in the image
        assert not are_together(behind)


def test_no_pairs_beyond_the_stream():
    assert StreamingRecognizer(HandsModel(), window=15).evaluated == 0
