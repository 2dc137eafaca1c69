"""Who is who in a stream and for the inferencer, and what damaged bodies do to a stream: nothing."""

import numpy as np
import pytest

from asea_mm.apis import StreamingRecognizer
from asea_mm.apis.followed import PATIENCE, Damage

WINDOW, STRIDE = 8, 4


def push_all(inferencer, frames, **options):
    """All results of a stream, and the stream."""
    stream = StreamingRecognizer(inferencer, WINDOW, STRIDE, **options)
    results = []
    for frame in frames:
        found = stream.push(frame)
        if found and found[0].stop == stream.num_frames:
            results.append(found)
    return results, stream


def frames_of(keypoint, names='ab'):
    return [{name: keypoint[k, t].copy() for k, name in enumerate(names)} for t in range(keypoint.shape[1])]


def test_a_body_that_is_detected_twice_is_one(inferencer, samples):
    keypoint = samples[0][:, :24]
    twice = np.concatenate([keypoint[:1], keypoint[:1] + np.float32(0.01), keypoint[1:]])
    plain, _ = push_all(inferencer, frames_of(keypoint, names=(7, 9)))
    found, stream = push_all(inferencer, frames_of(twice, names=(7, 8, 9)))
    assert found == plain
    assert list(stream.notes) == ['frame 7: ids 7 and 8 are one body, detected twice']


def test_the_second_detection_fills_what_the_first_lacks(inferencer, samples):
    keypoint = samples[0][:, :24]
    plain, _ = push_all(inferencer, frames_of(keypoint, names=(7, 9)))
    frames = [{**frame, 8: frame[7].copy()} for frame in frames_of(keypoint, names=(7, 9))]
    for t in (5, 6):
        del frames[t][7]
    found, _ = push_all(inferencer, frames)
    assert [result.scores for (result,) in found] == [result.scores for (result,) in plain]


def test_a_new_id_goes_on_where_the_old_one_was(inferencer, samples):
    keypoint = samples[0][:, :24]
    frames = frames_of(keypoint)
    for frame in frames[10:]:
        frame['c'] = frame.pop('b')
    plain, _ = push_all(inferencer, frames_of(keypoint), smoothing=0.5)
    found, stream = push_all(inferencer, frames, smoothing=0.5)
    assert [result.scores for (result,) in found] == [result.scores for (result,) in plain]
    assert [result.persons for (result,) in found] == [('a', 'b')] + 4 * [('a', 'c')]
    assert stream.tracks == ['a', 'c']
    assert list(stream.notes) == ["frame 10: id 'c' goes on where id 'b' was"]


def test_a_newcomer_elsewhere_is_somebody_else(inferencer, samples):
    frames = frames_of(samples[0][:, :24])
    for frame in frames[10:]:
        frame['c'] = frame.pop('b') + np.float32([3, 0, 0])
    _, stream = push_all(inferencer, frames)
    assert 'c' in stream.tracks
    assert not stream.notes


DAMAGE = {
    'elsewhere': lambda body: body + np.float32([0, 0, 20]),
    'huge': lambda body: (body - body.mean(0)) * 8 + body.mean(0),
    'noise': lambda body: np.random.default_rng(0).normal(0, 300, body.shape).astype(np.float32),
    'a point': lambda body: body * 0 + 1e-3 * body + 1,
}


@pytest.mark.parametrize('smoothing', [0.0, 0.5, 0.9])
@pytest.mark.parametrize('kind', DAMAGE)
def test_a_damaged_frame_leaves_later_labels_unchanged(inferencer, samples, kind, smoothing):
    keypoint = samples[0][:, :40]
    damaged, absent = frames_of(keypoint), frames_of(keypoint)
    for t in (13, 20):
        for name in damaged[t]:
            damaged[t][name] = DAMAGE[kind](damaged[t][name])
        absent[t] = {}
    plain, _ = push_all(inferencer, frames_of(keypoint), smoothing=smoothing)
    found, stream = push_all(inferencer, damaged, smoothing=smoothing)
    expected, _ = push_all(inferencer, absent, smoothing=smoothing)
    assert [result.scores for (result,) in found] == [result.scores for (result,) in expected]
    assert [result.left_out for (result,) in found] == [
        2 * sum(0 <= r.stop - 1 - t < WINDOW for t in (13, 20)) for (r,) in found
    ]
    assert len(stream.notes) == 4
    if not smoothing:
        assert [result.scores for (result,) in found[-2:]] == [result.scores for (result,) in plain[-2:]]
    else:
        for (result,), (before,) in zip(found[-2:], plain[-2:], strict=True):
            assert result.label == before.label


def test_what_stays_in_another_place_is_believed(inferencer, samples):
    keypoint = samples[0][:, :40].copy()
    keypoint[:, 20:] += np.float32([0, 0, 20])
    found, stream = push_all(inferencer, frames_of(keypoint))
    expected, _ = push_all(inferencer, frames_of(keypoint[:, 20:]))
    assert found[-1][0].scores == expected[-1][0].scores
    assert sum('left out' in note for note in stream.notes) == 2 * (PATIENCE - 1)
    assert sum('begins anew' in note for note in stream.notes) == 2


def test_a_damaged_first_frame_is_forgotten(inferencer, samples):
    keypoint = samples[0][:, :24]
    frames = frames_of(keypoint)
    frames[0] = {name: body + np.float32([0, 0, 30]) for name, body in frames[0].items()}
    plain, _ = push_all(inferencer, frames_of(keypoint))
    found, _ = push_all(inferencer, frames)
    assert found[-1][0].scores == plain[-1][0].scores


def test_bodies_far_outside_of_the_image_are_left_out():
    body = np.array([[10.0, 10], [30, 90], [20, 50]])
    damage = Damage((100, 200))
    for shift, is_damaged in (([0, 0], False), ([250, 0], False), ([400, 0], True), ([0, -160], True)):
        damaged, _ = damage.find({'a': body + shift}, {}, {}, 0, 2)
        assert (damaged == ['a']) == is_damaged, shift


def test_a_body_detected_twice_is_no_pair(inferencer, samples):
    keypoint = samples[0]
    twice = np.stack([keypoint[0], keypoint[0] + np.float32(0.01), keypoint[1]])
    result = inferencer(twice)
    assert result.best.persons == [0, 2]
    np.testing.assert_allclose(result.scores, inferencer(keypoint).scores, rtol=0, atol=1e-6)
    assert [pair.persons for pair in inferencer(twice, pairs='all').pairs] == [[0, 2]]
    assert result.notes == [
        f'one body was detected twice, and is kept once (ids 0 and 1, {keypoint.shape[1]} of '
        f'{keypoint.shape[1]} frames)'
    ]


def test_axes_in_another_order_give_the_same_result(inferencer, samples):
    expected = inferencer(samples[0])
    for axes in ((3, 1, 2, 0), (1, 0, 2, 3)):
        result = inferencer(samples[0].transpose(axes))
        np.testing.assert_allclose(result.scores, expected.scores, rtol=0, atol=1e-6)
        assert len(result.notes) == 1
