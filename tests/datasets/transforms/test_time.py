"""Clips, warps and smoothing, against numbers computed by hand."""

import numpy as np
import pytest

from asea_mm.datasets.transforms import RandomTimeWarp, ResampleFrameRate, SampleClip, SmoothMotion
from asea_mm.datasets.transforms.common import resample
from asea_mm.errors import InputError
from tests.datasets.transforms import clip_of, rows_of, sampled


def test_resample_interpolates_between_bodies_only():
    positions = np.array([0, 0.25, 1.25, 1.5, 1.75, 2.75, 3])
    out, score = resample(clip_of([4, 8, 0, 2], [0, 1, 3, 7]), positions, clip_of([0, 8, 4, 2], [0, 1, 3, 7])[..., 0])
    assert out[:, :, 0, 0].tolist() == [[4, 5, 8, 0, 0, 2, 2], [0, 0, 1.5, 2, 2.5, 6, 7]]
    # Scores go by the presence of the body, not by their own zeros.
    assert score[:, :, 0].tolist() == [[0, 2, 8, 4, 4, 2, 2], [0, 0, 1.5, 2, 2.5, 6, 7]]


def test_resize_by_hand():
    results = sampled(SampleClip(5), [1, 2, 5], [0, 3, 4])
    assert rows_of(results) == [[1, 1.5, 2, 3.5, 5], [0, 3, 3, 3.5, 4]]
    assert (results['num_clips'], results['clip_len'], results['total_frames']) == (1, 5, 5)


@pytest.mark.parametrize(
    ('known', 'wanted', 'frames'),
    [(10, 20, [1, 1.5, 2, 3.5, 5]), (10, 5, [1, 5]), (10, 10, [1, 2, 5]), (None, 10, [1, 2, 5])],
)
def test_frame_rates_by_hand(known, wanted, frames):
    out = ResampleFrameRate(wanted).transform({'keypoint': clip_of([1, 2, 5]), 'fps': known})
    assert rows_of(out) == [frames]
    assert out['fps'] == (wanted if known else None)
    assert out.get('total_frames', 3) == len(frames)


@pytest.mark.parametrize('known', [0, -1, 'fast', float('nan')])
def test_frame_rates_that_are_none(known):
    with pytest.raises(InputError, match='fps to be a positive number'):
        ResampleFrameRate(10).transform({'keypoint': clip_of([1, 2, 5]), 'fps': known})


@pytest.mark.parametrize('crop', [None, (0.5, 1.0)])
def test_one_frame_is_enough(crop):
    assert rows_of(sampled(SampleClip(3, crop=crop), [6])) == [[6, 6, 6]]
    assert rows_of(sampled(SampleClip(1), [1, 2, 9])) == [[2]]


def test_windows_are_evenly_spaced_and_reach_both_ends():
    out = sampled(SampleClip(4, num_clips=3, window=0.5), range(1, 9))
    assert rows_of(out) == [[1, 2, 3, 4, 3, 4, 5, 6, 5, 6, 7, 8]]
    assert (out['num_clips'], out['clip_len'], out['total_frames']) == (3, 4, 12)


def test_random_crops_are_contiguous_and_of_the_drawn_lengths():
    lengths, starts = set(), set()
    for seed in range(200):
        (row,) = rows_of(sampled(SampleClip(20, crop=(0.3, 0.6)), range(1, 21), seed=seed))
        steps = np.diff(row)
        np.testing.assert_allclose(steps, steps[0], atol=1e-4)
        lengths.add(round(row[-1] - row[0]) + 1)
        starts.add(row[0])
    assert lengths == set(range(6, 13))
    assert min(starts) == 1
    assert max(starts) == 15
    (short,) = rows_of(sampled(SampleClip(2, crop=(0.01, 0.02)), range(1, 21)))
    assert short[1] - short[0] == 1, 'two frames at least'


@pytest.mark.parametrize('num_clips', [1, 3])
def test_time_warp_keeps_ends_and_order_of_each_clip(num_clips):
    # Clip n counts from 1000 n: nothing may leak from one clip into the next.
    frames = (np.arange(20) + 1 + 1000 * np.arange(num_clips)[:, None]).ravel()
    straight = frames.reshape(num_clips, 20)
    largest = 0.0
    for seed in range(50):
        (row,) = rows_of(sampled(RandomTimeWarp(0.5), frames, seed=seed, num_clips=num_clips))
        warped = np.reshape(row, (num_clips, 20))
        np.testing.assert_allclose(warped[:, [0, -1]], straight[:, [0, -1]], rtol=1e-6)
        steps = np.diff(warped, axis=1)
        assert steps.min() > 0.499
        assert steps.max() < 1.501
        largest = max(largest, np.abs(warped - straight).max())
        assert len(np.unique((warped - straight)[:, 5].round(3))) == num_clips  # each clip has its own warp
    assert largest > 1


def test_smoothing_by_hand():
    (row,) = rows_of(sampled(SmoothMotion(5, 2), [1, 2, 6, 2, 1, 5, 3]))
    inner = [np.dot([-3, 12, 17, 12, -3], [1, 2, 6, 2, 1, 5, 3][i : i + 5]) / 35 for i in range(3)]
    np.testing.assert_allclose(row[2:5], inner, rtol=1e-6)
    # At an end the first or last five frames' parabola, by least squares.
    np.testing.assert_allclose(row[:2], np.polyval(np.polyfit(range(5), [1, 2, 6, 2, 1], 2), [0, 1]), rtol=1e-5)
    np.testing.assert_allclose(row[5:], np.polyval(np.polyfit(range(5), [6, 2, 1, 5, 3], 2), [3, 4]), rtol=1e-5)


@pytest.mark.parametrize('degree', [1, 2, 3])
def test_smoothing_keeps_a_path_of_its_own_degree(degree):
    path = 5 + np.linspace(0.1, 1, 11) ** degree
    np.testing.assert_allclose(rows_of(sampled(SmoothMotion(7, degree), path)), [path], rtol=1e-6)


def test_smoothing_knows_no_frames_from_before_an_absence():
    row = [1, 2, 6, 2, 1, 0, 7, 9, 0, 4, 3, 8, 3, 4]
    (out,) = rows_of(sampled(SmoothMotion(5), row))
    assert out[5:9] == [0, 7, 9, 0]  # absence, and a presence too short for a window
    np.testing.assert_array_equal(out[:5], rows_of(sampled(SmoothMotion(5), row[:5]))[0])
    np.testing.assert_array_equal(out[9:], rows_of(sampled(SmoothMotion(5), row[9:]))[0])


def test_persons_and_clips_are_smoothed_each_on_their_own():
    rows = np.random.default_rng(0).uniform(1, 9, size=(2, 12))
    out = rows_of(sampled(SmoothMotion(5), *rows, num_clips=2))
    for person in (0, 1):
        halves = [rows_of(sampled(SmoothMotion(5), half))[0] for half in np.split(rows[person], 2)]
        np.testing.assert_array_equal(out[person], np.concatenate(halves))
