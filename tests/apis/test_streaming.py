"""The stream says what the sliding windows of a recording say, and nothing in it grows."""

import copy

import numpy as np
import pytest
import torch

from asea_mm.apis import InteractionInferencer, StreamingRecognizer
from asea_mm.errors import InputError

from .conftest import write_checkpoint


def push_all(stream, keypoint, names='abcdefgh', frames=None, time=None):
    """Push the frames of a clip (M, T, V, C), absent persons left out; the results of all evaluations."""
    found = []
    for t in range(keypoint.shape[1]) if frames is None else frames:
        frame = {names[k]: keypoint[k, t] for k in range(len(keypoint)) if keypoint[k, t].any()}
        results = stream.push(frame, None if time is None else time[t])
        if results is not None and stream.num_frames >= stream.window:
            if (stream.num_frames - stream.window) % stream.stride == 0:
                found.append(results)
            assert results is stream.current
    return found


def offline(inferencer, keypoint, pairs, window, stride):
    """Windows of the inferencer that begin a stride apart, by their first frame; without the one at the end."""
    result = inferencer(keypoint, pairs=pairs, window=window, overlap=window - stride, batch_size=1)
    return [{w.start: w.scores for w in pair.windows if w.start % stride == 0} for pair in result.pairs]


@pytest.mark.parametrize(('window', 'stride'), [(16, 4), (24, 1), (7, 9)])
def test_equals_sliding_windows(inferencer, samples, window, stride):
    keypoint = samples[0][:, :30]
    stream = StreamingRecognizer(inferencer, window, stride)
    found = push_all(stream, keypoint)
    if stride < window:
        (expected,) = offline(inferencer, keypoint, None, window, stride)
    else:
        starts = range(0, 30 - window + 1, stride)
        expected = {start: inferencer(keypoint[:, start : start + window]).scores for start in starts}
    assert [results[0].start for results in found] == sorted(expected)
    for (result,) in found:
        assert result.scores == expected[result.start], 'exactly'
        assert (result.stop, result.persons) == (result.start + window, ('a', 'b'))
        assert result.label_name == inferencer.classes[int(np.argmax(result.scores))]
        assert result.score == max(result.scores)


def test_pairs_of_a_crowd_equal_sliding_windows(inferencer, crowd):
    pairs = [(0, 3), (1, 4), (0, 1)]
    stream = StreamingRecognizer(inferencer, 16, 8, max_pairs=10)
    expected = dict(zip(pairs, offline(inferencer, crowd, pairs, 16, 8), strict=True))
    for results in push_all(stream, crowd):
        assert len(results) == 10
        assert results[0].persons == ('a', 'd'), 'the nearest pair comes first'
        by_pair = {result.persons: result for result in results}
        for (first, second), windows in expected.items():
            result = by_pair['abcdefgh'[first], 'abcdefgh'[second]]
            np.testing.assert_allclose(result.scores, windows[result.start], rtol=0, atol=1e-6)


def test_persons_who_leave_are_absent_frames(inferencer, samples):
    keypoint = samples[1][:, :32].copy()
    keypoint[1, 10:16] = 0
    stream = StreamingRecognizer(inferencer, 16, 4, min_shared=0.1)
    (expected,) = offline(inferencer, keypoint, None, 16, 4)
    for (result,) in push_all(stream, keypoint):
        assert result.scores == expected[result.start]


def test_who_is_forgotten_begins_anew(inferencer, samples):
    keypoint = samples[0][:, :30].copy()
    keypoint[1, 8:20] = 0
    stream = StreamingRecognizer(inferencer, 16, 1, forget_after=4, min_shared=0.01)
    push_all(stream, keypoint, frames=range(8))
    assert stream.tracks == ['a', 'b']
    push_all(stream, keypoint, frames=range(8, 12))
    assert stream.tracks == ['a']
    assert push_all(stream, keypoint, frames=range(12, 20)) == [[], [], [], [], []]
    fresh = keypoint.copy()
    fresh[1, :20] = 0
    for (result,) in push_all(stream, keypoint, frames=range(20, 30)):
        assert result.persons == ('a', 'b')
        alone = inferencer(fresh[:, result.start : result.stop])
        np.testing.assert_allclose(result.scores, alone.scores, rtol=0, atol=1e-6)


def test_rarely_together_is_no_pair(inferencer, samples):
    keypoint = samples[0][:, :20].copy()
    keypoint[1, 5:] = 0
    assert push_all(StreamingRecognizer(inferencer, 20, min_shared=0.5), keypoint) == [[]]
    assert len(push_all(StreamingRecognizer(inferencer, 20, min_shared=0.25), keypoint)[0]) == 1


@pytest.mark.parametrize('frames', [[{}] * 12, [{'a': np.zeros((25, 3))}] * 12])
def test_nobody(inferencer, frames):
    stream = StreamingRecognizer(inferencer, 10, 1)
    assert [stream.push(frame) for frame in frames] == [None] * 9 + [[]] * 3
    assert stream.tracks == []


def test_smoothing_is_exponential(inferencer, samples):
    keypoint = samples[0][:, :40]
    plain = push_all(StreamingRecognizer(inferencer, 16, 8), keypoint)
    smooth = push_all(StreamingRecognizer(inferencer, 16, 8, smoothing=0.75), keypoint)
    expected = np.array(plain[0][0].scores)
    assert len(plain) == 4
    for (raw,), (result,) in zip(plain, smooth, strict=True):
        expected = 0.75 * expected + 0.25 * np.array(raw.scores)
        np.testing.assert_allclose(result.scores, expected, rtol=0, atol=1e-6)
        assert result.label == int(np.argmax(expected))


def test_the_past_of_a_pair_ends(inferencer, samples):
    keypoint = samples[0][:, :40]
    stream = StreamingRecognizer(inferencer, 4, 4, smoothing=0.75, forget_after=30)
    for t in range(32):
        names = 'ab' if t < 4 or t >= 16 else 'a'  # sixteen frames since their evaluation, more than 4 + 4
        results = stream.push({name: keypoint['ab'.index(name), t] for name in names})
        if t == 19:
            assert results[0].scores == pytest.approx(inferencer(keypoint[:, 16:20]).scores, abs=1e-6)


def test_scores_of_keypoints_go_round_with_them(config, dataset, tmp_path):
    pixels = copy.deepcopy(config)
    pipeline = [dict(type='SampleClip', clip_len=8), dict(type='GenerateStream', stream='joint')]
    pipeline += [dict(type='FormatGCNInput', num_person=2), dict(type='PackActionInputs', meta_keys=('frame_dir',))]
    pixels.test_dataloader.dataset.pipeline = pipeline
    pixels.model.backbone.in_channels = 3
    path = write_checkpoint(tmp_path / 'pixels.pth', pixels, dataset.metainfo)
    inferencer = InteractionInferencer(path)
    keypoint = dataset.get_data_info(0)['keypoint'][:, :20, :, :2]
    score = np.random.default_rng(0).uniform(0.1, 1, keypoint.shape[:3]).astype(np.float32)
    stream = StreamingRecognizer(inferencer, 8, 4)
    for t in range(20):
        results = stream.push({name: (keypoint[k, t], score[k, t]) for k, name in enumerate('ab')})
    expected = inferencer(keypoint[:, 12:], keypoint_score=score[:, 12:]).scores
    assert results[0].scores == pytest.approx(expected, abs=1e-6)
    turned = inferencer(keypoint[:, 12:], keypoint_score=np.roll(score[:, 12:], 3, axis=1)).scores
    assert np.abs(np.subtract(expected, turned)).max() > 1e-5, 'the order of scores matters'


def test_order_within_a_frame_does_not_matter(inferencer, samples):
    keypoint = samples[0][:, :16]
    stream = StreamingRecognizer(inferencer, 16)
    for t in range(16):
        names = 'ab' if t % 3 else 'ba'
        results = stream.push({name: keypoint['ab'.index(name), t] for name in names})
    assert results[0].persons == ('a', 'b')
    assert results[0].scores == inferencer(keypoint).scores


def test_newcomers_of_a_frame_are_ordered_by_their_ids(inferencer, samples):
    stream = StreamingRecognizer(inferencer, 16)
    stream.push({track: samples[0][0, 0] + number for number, track in enumerate([10, 'b', 9, 'a', None])})
    assert stream.tracks == [None, 9, 10, 'a', 'b']


def test_swapped_ids(inferencer, samples):
    keypoint = samples[0][:, :20]
    swapped = keypoint.copy()
    swapped[:, 9:] = swapped[::-1, 9:]
    ((result,),) = push_all(StreamingRecognizer(inferencer, 20, fix_swaps=True), swapped)
    np.testing.assert_allclose(result.scores, inferencer(keypoint).scores, rtol=0, atol=1e-6)
    assert result.persons == ('b', 'a'), 'the names that the bodies have now'
    ((trusting,),) = push_all(StreamingRecognizer(inferencer, 20), swapped)
    np.testing.assert_allclose(trusting.scores, inferencer(swapped).scores, rtol=0, atol=1e-6)


def test_newcomers_take_the_place_of_the_longest_absent(inferencer, crowd):
    stream = StreamingRecognizer(inferencer, 10, max_persons=3)
    push_all(stream, crowd[:3], frames=range(3))
    stream.push({'a': crowd[0, 3], 'b': crowd[1, 3]})
    stream.push({'a': crowd[0, 4]})
    stream.push({'a': crowd[0, 5], 'x': crowd[3, 5]})
    assert stream.tracks == ['a', 'b', 'x']
    stream.push({'a': crowd[0, 6], 'b': crowd[1, 6], 'x': crowd[3, 6], 'y': crowd[4, 6]})
    assert stream.tracks == ['a', 'b', 'x'], 'all in view: no room'


def test_nothing_grows(inferencer, samples):
    """Ids that are never seen again, for many windows."""
    stream = StreamingRecognizer(inferencer, 8, 500, smoothing=0.5, max_persons=4)
    sizes = set()
    for t in range(600):
        body = samples[0][t % 2, t % 40]
        stream.push({t // 3: body, ('other', t // 7): body + 1}, timestamp=t / 30)
        books = (stream._place, stream._seen, stream._since, stream._past)
        assert all(len(book) <= 6 for book in books)
        if t > 0:
            sizes.add((id(stream._ring), stream._ring.nbytes, stream._times.nbytes))
    assert len(sizes) == 1


def test_timestamps_and_reset(inferencer, samples):
    stream = StreamingRecognizer(inferencer, 10, 5)
    time = 100 + np.arange(20) / 30
    first = push_all(stream, samples[0][:, :20], time=time)
    assert first[1][0].times == (pytest.approx(time[5]), pytest.approx(time[14]))
    with pytest.raises(InputError, match='timestamp: expected at least'):
        stream.push({}, timestamp=0.0)
    for wrong in (np.inf, np.nan, '3', np.datetime64('2026-01-01'), True):
        with pytest.raises(InputError, match='frame 20: timestamp: expected a finite number'):
            stream.push({}, timestamp=wrong)
    assert stream.num_frames == 20
    stream.reset()
    assert push_all(stream, samples[0][:, :20], time=time) == first


WRONG_FRAMES = {
    'list': ([1], 'frame 0: expected {track id: keypoints}, got list'),
    'joints': ({'a': np.ones((15, 3))}, r"person 'a': expected keypoints of shape \(25, 2 or 3\).*got \(15, 3\)"),
    'time axis': ({'a': np.ones((1, 25, 3))}, r'got \(1, 25, 3\)'),
    'nan': ({'a': np.full((25, 3), np.nan)}, "finite values.*at joint 'spine_base'"),
    'text': ({'a': 'hello'}, 'expected arrays of numbers'),
    'scores': ({'a': (np.ones((25, 3)), np.ones(3))}, r'expected scores of shape \(25,\), got \(3,\)'),
    'some scores': ({'a': np.ones((25, 3)), 'b': (np.ones((25, 3)), np.ones(25))}, "person 'b': expected no scores"),
    'two coordinates': ({'a': np.ones((25, 2))}, "frame 0, person 'a'.*expected C = 3|frame 0, person 'a'"),
    'scores the model does not know': (
        {'a': (np.ones((25, 3)), np.ones(25))},
        "frame 0, person 'a': expected keypoints that give 6 channels.*and their scores",
    ),
    'absurd': ({'a': np.full((25, 3), 1e30)}, "finite values.*got .*at joint 'spine_base'"),
    'dimensions': ({'a': np.ones((25, 3)), 'b': np.ones((25, 2))}, r"person 'b': expected .*\(25, 3\)"),
}


@pytest.mark.parametrize(('frame', 'message'), WRONG_FRAMES.values(), ids=WRONG_FRAMES)
def test_wrong_frames_are_not_taken(inferencer, frame, message):
    stream = StreamingRecognizer(inferencer, 4)
    with pytest.raises(InputError, match=message):
        stream.push(frame)
    assert (stream.num_frames, stream.tracks) == (0, [])


def test_a_wrong_frame_leaves_no_trace(inferencer, samples):
    """Not even an absurd one, of which the window would speak for long."""
    keypoint = samples[0][:, :20]
    stream, plain = (StreamingRecognizer(inferencer, np.int64(8), np.int64(4)) for _ in range(2))
    for t in range(20):
        with pytest.raises(InputError, match='within 1,000 metres'):
            stream.push({'a': keypoint[0, t], 'b': np.full((25, 3), 1e30)})
        stream.push({'a': torch.from_numpy(keypoint[0, t]).requires_grad_(), 'b': keypoint[1, t].tolist()})
        plain.push({'a': keypoint[0, t], 'b': keypoint[1, t]})
    assert stream.current == plain.current


WRONG_ARGUMENTS = [
    dict(window=2.5), dict(window=True), dict(stride=0), dict(smoothing=1), dict(smoothing=-0.1), dict(max_persons=1),
    dict(max_pairs=0), dict(min_shared=0), dict(min_shared=1.1), dict(forget_after=0),
]  # fmt: skip


@pytest.mark.parametrize('wrong', WRONG_ARGUMENTS, ids=str)
def test_wrong_arguments(inferencer, wrong):
    with pytest.raises(InputError, match=f'StreamingRecognizer: {next(iter(wrong))}: expected'):
        StreamingRecognizer(inferencer, **{'window': 8, **wrong})
