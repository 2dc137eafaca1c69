"""Events from scores over time."""

import numpy as np
import pytest

from asea_mm.errors import InputError
from asea_mm.evaluation.event_scores import score_events, temporal_iou
from asea_mm.evaluation.events import Event, EventFinder, efforts
from asea_mm.keypoints import NO_INTERACTION

CLASSES = ['kicking', 'hugging', NO_INTERACTION]
PAIR = (1, 2)
STEP, WINDOW = 0.2, 1.0
MIDDLE = dict(enter=0.6, leave=0.4, min_length=0.4, switch=1.0)  # where scores are certain, bounds around the middle


def scores_of(truth, times, certain=0.9):
    """Scores that are of the class of the event that most of the window lies in."""
    rows = []
    for time in times:
        row = np.full(3, (1 - certain) / 2)
        label = next((label for start, end, label in truth if start <= time < end), 2)
        row[label] = certain
        rows.append(row)
    return np.array(rows)


def found_in(truth, duration=20.0, times=None, finder=None, pairs=(PAIR,), moves=(3.0, 1.0), **settings):
    finder = EventFinder(CLASSES, **(MIDDLE | settings)) if finder is None else finder
    events = []
    middles = np.arange(WINDOW / 2, duration - WINDOW / 2 + 1e-9, STEP) if times is None else times
    for middle, row in zip(middles, scores_of(truth, middles), strict=True):
        window = middle - WINDOW / 2, middle + WINDOW / 2
        events += finder.push(*window, dict.fromkeys(pairs, row), dict.fromkeys(pairs, moves))
    return events + finder.finish()


@pytest.mark.parametrize('smoothing', [1, 3, 5])
def test_events_start_and_end_where_they_do(smoothing):
    truth = [(2.0, 4.0, 0), (7.0, 9.5, 1), (12.0, 13.0, 0)]
    found = found_in(truth, smoothing=smoothing)
    assert [event.label for event in found] == [CLASSES[label] for *_, label in truth]
    for event, (start, end, _) in zip(found, truth, strict=True):
        most = STEP * max(1, smoothing / 3)
        assert abs(event.start - start) <= most
        assert abs(event.end - end) <= most
        assert event.persons == PAIR
        assert 0.5 < event.score < 0.91


def test_at_both_ends_of_a_recording():
    (event,) = found_in([(0.0, 20.0, 1)])
    assert event.start == 0
    assert event.end == pytest.approx(20.0)
    assert event.acts is None  # of a hug


def test_who_acts():
    assert found_in([(2, 4, 0)])[0].acts == 1
    assert found_in([(2, 4, 0)], moves=(1.0, 3.0))[0].acts == 2
    assert found_in([(2, 4, 0)], moves=(1.0, 1.2))[0].acts is None


def test_one_after_the_other_without_a_gap():
    first, second = found_in([(2.0, 4.0, 0), (4.0, 7.0, 1)], smoothing=1)
    assert (first.label, second.label) == ('kicking', 'hugging')
    assert first.end == second.start
    assert abs(first.end - 4.0) <= STEP


def test_short_ones_and_gaps():
    assert not found_in([(2.0, 2.3, 0)], min_length=0.8)
    assert len(found_in([(2.0, 4.0, 0), (4.4, 6.0, 0)], smoothing=1, max_gap=0.8)) == 1
    assert len(found_in([(2.0, 4.0, 0), (4.4, 6.0, 0)], smoothing=1, max_gap=0.1)) == 2
    (event,) = found_in([(2.0, 3.0, 0), (3.0, 3.2, 1), (3.2, 5.0, 0)], smoothing=1)  # another class for a moment
    assert event.label == 'kicking'
    assert abs(event.end - 5.0) <= STEP


def test_hysteresis():
    """Activity between the two bounds goes on with an event, but does not make one."""
    finder = EventFinder(CLASSES, enter=0.6, leave=0.4, smoothing=1, min_length=0)
    activities = [0.1, 0.5, 0.5, 0.1, 0.1, 0.5, 0.9, 0.5, 0.5, 0.1]
    events = []
    for number, active in enumerate(activities):
        events += finder.push(number, number + 1, {PAIR: [active, 0, 1 - active]})
    (event,) = events + finder.finish()
    assert event.start == pytest.approx(5.25)
    assert event.end == pytest.approx(8.75)


def test_whoever_is_not_pushed_does_nothing():
    finder = EventFinder(CLASSES, **MIDDLE)
    events = []
    for number in range(30):
        there = 5 <= number < 15
        events += finder.push(number / 5, number / 5 + 1, {PAIR: [0.9, 0.05, 0.05]} if there else {})
        assert len(finder._pairs) <= 1
    assert not finder._pairs  # nothing stays of pairs that are gone
    (event,) = events
    assert abs(event.start - 1.5) <= STEP
    assert abs(event.end - 3.5) <= STEP


def test_without_the_class():
    finder = EventFinder(['kicking', 'hugging'])
    events = []
    for number in range(20):
        sure = 5 <= number < 15
        events += finder.push(number / 5, number / 5 + 1, {PAIR: [0.9, 0.1] if sure else [0.3, 0.35]})
    (event,) = events + finder.finish()
    assert event.label == 'kicking'


def test_events_come_as_soon_as_they_are_over_and_pairs_are_apart():
    truth = [(2.0, 4.0, 0), (10.0, 12.0, 1)]
    finder, when = EventFinder(CLASSES, **MIDDLE), []
    times = np.arange(0.5, 19.5, STEP)
    for middle, row in zip(times, scores_of(truth, times), strict=True):
        events = finder.push(middle - 0.5, middle + 0.5, {(1, 2): row, (2, 3): row[[2, 2, 0]]})
        when += [(middle, event) for event in events if event.persons == PAIR]
    assert [event.label for _, event in when] == ['kicking', 'hugging']
    assert all(middle - event.end < 1.5 for middle, event in when)


def test_a_finder_begins_anew_after_the_end():
    finder = EventFinder(CLASSES, **MIDDLE)
    first = found_in([(2.0, 4.0, 0)], finder=finder)
    assert found_in([(2.0, 4.0, 0)], finder=finder) == first


@pytest.mark.parametrize('settings', [dict(enter=0.3), dict(leave=0), dict(smoothing=2), dict(switch=-1)])
def test_wrong_arguments(settings):
    with pytest.raises(InputError):
        EventFinder(CLASSES, **settings)


def test_wrong_windows():
    finder = EventFinder(CLASSES)
    finder.push(1, 2, {})
    with pytest.raises(InputError):
        finder.push(0, 1, {})
    with pytest.raises(InputError):
        finder.push(2, 3, {PAIR: [1.0]})


def event(start, end, label='kicking', persons=PAIR):
    return Event(start, end, persons, None, label, 1.0)


def test_f1():
    true = [event(0, 2), event(5, 7), event(10, 12, 'hugging')]
    found = [event(0.5, 2), event(0, 0.5), event(5, 7, persons=(2, 1)), event(10, 12), event(20, 21)]
    score = score_events([(found, true)])
    assert (score.hits, score.found, score.true) == (2, 5, 3)
    assert score.precision == 0.4
    assert score.recall == pytest.approx(2 / 3)
    assert score.f1 == 0.5
    assert sorted(score.start_errors) == [0, 0.5]
    assert score_events([(found, true)], labels=False).hits == 3
    assert score_events([([], [])]).f1 == 1
    assert score_events([(found, [])]).f1 == 0
    assert temporal_iou(event(0, 2), event(1, 3)) == pytest.approx(1 / 3)


def test_effort_is_of_the_fastest_joint():
    keypoint = np.ones((2, 11, 3, 2), np.float32)
    keypoint[0, :, 1, 0] += np.arange(11) * 0.5  # of which a third is the body's
    keypoint[1, 5:] = 0  # who goes away does not move by it
    assert efforts(keypoint) == pytest.approx([1 / 3, 0])
    keypoint[..., 0] += np.arange(11)[:, None]  # nor does who walks
    keypoint[1, 5:] = 0
    assert efforts(keypoint) == pytest.approx([1 / 3, 0], abs=1e-5)
