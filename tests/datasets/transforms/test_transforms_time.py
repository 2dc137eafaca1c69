"""Clips, warps and streams, against numbers computed by hand."""

import numpy as np
import pytest

from asea_mm.datasets.transforms import (
    AddTurnedClips,
    GenerateStream,
    RandomTimeWarp,
    SampleClip,
    SmoothMotion,
    resample,
)
from asea_mm.skeletons import SKELETONS

PAIR = {'name': 'pair', 'joints': ['root', 'tip'], 'bones': [['tip', 'root']]}


def clip_of(*rows):
    """Persons whose one coordinate of both joints is given per frame; zero is absence."""
    values = np.array(rows, dtype=np.float32)
    return np.repeat(values[:, :, None, None], 2, axis=2)


def sampled(transform, *rows, seed=0, **keys):
    np.random.seed(seed)  # noqa: NPY002
    return transform(dict(keypoint=clip_of(*rows), layout=PAIR, **keys))


def rows_of(results):
    assert (results['keypoint'][:, :, 0] == results['keypoint'][:, :, 1]).all()
    return results['keypoint'][:, :, 0, 0].tolist()


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


def test_resize_to_the_same_length_changes_nothing():
    keypoint = np.random.default_rng(0).normal(size=(2, 60, 15, 3)).astype(np.float32)
    out = SampleClip(60)({'keypoint': keypoint, 'layout': 'sbu15'})
    np.testing.assert_array_equal(out['keypoint'], keypoint)


@pytest.mark.parametrize('crop', [None, (0.5, 1.0)])
@pytest.mark.parametrize('mode', ['resize', 'pad'])
def test_one_frame_is_enough(mode, crop):
    expected = [[6, 6, 6]] if mode == 'resize' else [[6, 0, 0]]
    assert rows_of(sampled(SampleClip(3, mode=mode, crop=crop), [6])) == expected


def test_resize_to_one_frame_takes_the_middle():
    assert rows_of(sampled(SampleClip(1), [1, 2, 9])) == [[2]]


def test_pad_by_hand():
    assert rows_of(sampled(SampleClip(5, mode='pad'), [1, 2, 3])) == [[1, 2, 3, 0, 0]]
    assert rows_of(sampled(SampleClip(2, mode='pad'), [1, 2, 3, 4, 5, 6])) == [[3, 4]]
    assert rows_of(sampled(SampleClip(3, mode='pad', num_clips=3), range(1, 8))) == [[1, 2, 3, 3, 4, 5, 5, 6, 7]]


def test_padding_has_no_score():
    score = np.full((1, 2, 2), 0.5, dtype=np.float32)
    out = sampled(SampleClip(3, mode='pad'), [1, 2], keypoint_score=score)
    assert out['keypoint_score'][0, :, 0].tolist() == [0.5, 0.5, 0]


def test_windows_are_evenly_spaced_and_reach_both_ends():
    out = sampled(SampleClip(4, num_clips=3, window=0.5), range(1, 9))
    assert rows_of(out) == [[1, 2, 3, 4, 3, 4, 5, 6, 5, 6, 7, 8]]
    assert (out['num_clips'], out['clip_len'], out['total_frames']) == (3, 4, 12)


@pytest.mark.parametrize('mode', ['resize', 'pad'])
def test_random_crops_are_contiguous_and_of_the_drawn_lengths(mode):
    lengths, starts = set(), set()
    for seed in range(200):
        (row,) = rows_of(sampled(SampleClip(20, mode=mode, crop=(0.3, 0.6)), range(1, 21), seed=seed))
        row = [frame for frame in row if frame]
        steps = np.diff(row)
        np.testing.assert_allclose(steps, steps[0], atol=1e-4)
        lengths.add(round(row[-1] - row[0]) + 1)
        starts.add(row[0])
    assert lengths == set(range(6, 13))
    assert min(starts) == 1
    assert max(starts) == 15


def test_pad_mode_crops_long_clips_at_random_only_with_crop():
    fixed = {rows_of(sampled(SampleClip(4, mode='pad'), range(1, 21), seed=seed))[0][0] for seed in range(9)}
    drawn = {
        rows_of(sampled(SampleClip(4, mode='pad', crop=(1.0, 1.0)), range(1, 21), seed=seed))[0][0]
        for seed in range(200)
    }
    assert fixed == {9}
    assert drawn == set(range(1, 18))


def test_random_clips_are_independent():
    out = np.reshape(rows_of(sampled(SampleClip(5, crop=(0.2, 0.5), num_clips=4), range(1, 101))), (4, 5))
    assert len(np.unique(out[:, 0])) == 4
    assert len(np.unique((out[:, -1] - out[:, 0]).round(3))) > 2


def test_a_short_crop_keeps_two_frames():
    (row,) = rows_of(sampled(SampleClip(2, crop=(0.01, 0.02)), range(1, 21)))
    assert row[1] - row[0] == 1


def test_sampling_twice_is_refused():
    once = sampled(SampleClip(4, num_clips=2), range(1, 9))
    with pytest.raises(ValueError, match='SampleClip.*2 clips'):
        SampleClip(4)(once)


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


def test_no_strength_no_warp():
    assert rows_of(sampled(RandomTimeWarp(0.0), range(1, 9))) == [list(range(1, 9))]


def stream(name, keypoint, true_speed=False, **keys):
    sample = dict(keypoint=np.array(keypoint, dtype=np.float32), layout=PAIR, **keys)
    return GenerateStream(name, true_speed)(sample)['keypoint']


# One person, three frames, root and tip in the plane.
BODY = [[[[1, 2], [4, 6]], [[2, 2], [5, 8]], [[2, 5], [2, 9]]]]


def test_streams_by_hand():
    assert stream('joint', BODY).tolist() == BODY
    assert stream('bone', BODY).tolist() == [[[[0, 0], [3, 4]], [[0, 0], [3, 6]], [[0, 0], [0, 4]]]]
    assert stream('joint_motion', BODY).tolist() == [[[[1, 0], [1, 2]], [[0, 3], [-3, 1]], [[0, 0], [0, 0]]]]
    assert stream('bone_motion', BODY).tolist() == [[[[0, 0], [0, 2]], [[0, 0], [-3, -2]], [[0, 0], [0, 0]]]]


def test_fused_streams_are_the_single_ones_side_by_side():
    names = ['bone_motion', 'joint', 'joint_motion', 'bone']
    expected = np.concatenate([stream(name, BODY) for name in names], axis=-1)
    np.testing.assert_array_equal(stream(names, BODY), expected)


PARTNERS = [BODY[0], [[[1, 5], [4, 2]], [[2, 2], [2, 2]], [[5, 9], [2, 10]]]]


def test_distances_to_the_partner_by_hand():
    distance = stream('partner_distance', PARTNERS)
    assert distance[0, 0].tolist() == pytest.approx(np.array([[3, 3], [10**0.5, 4]]))
    assert distance[0, 2].tolist() == pytest.approx(np.array([[5, 5], [3, 1]]))
    np.testing.assert_array_equal(distance[1], distance[0].swapaxes(1, 2))
    motion = stream('partner_distance_motion', PARTNERS)
    np.testing.assert_array_equal(motion[:, :-1], distance[:, 1:] - distance[:, :-1])
    assert not motion[:, -1].any()


def test_distances_are_those_of_the_swapped_pair_swapped():
    np.testing.assert_array_equal(
        stream('partner_distance', PARTNERS[::-1]), stream('partner_distance', PARTNERS)[::-1]
    )


def test_distances_are_zero_where_either_is_absent():
    keypoint = np.array(PARTNERS, dtype=np.float32)
    keypoint[1, 1] = 0
    distance = stream(['partner_distance', 'partner_distance_motion'], keypoint)
    assert distance.any(axis=(2, 3)).tolist() == [[True, False, True]] * 2
    assert not distance[..., 2:].any(), 'every frame is next to the absence, or the last'


def test_one_person_has_no_distances():
    distance = stream(['joint', 'partner_distance', 'partner_distance_motion'], BODY)
    assert distance.shape == (1, 3, 2, 6)
    assert not distance[..., 2:].any()


def test_distances_are_of_two_persons():
    with pytest.raises(
        ValueError, match='GenerateStream.*expected at most 2 persons, whose distances these are, got 3'
    ):
        stream('partner_distance', np.ones((3, 3, 2, 3)))


def test_motion_scale_is_of_the_motions_only():
    plain, scaled = (
        GenerateStream(('joint', 'joint_motion'), motion_scale=scale)(
            dict(keypoint=np.array(BODY, dtype=np.float32), layout=PAIR)
        )['keypoint']
        for scale in (1, 4)
    )
    np.testing.assert_array_equal(scaled, plain * [1, 1, 4, 4])


def test_distance_scale_is_of_the_distances_only():
    streams = ('joint', 'partner_distance', 'joint_motion', 'partner_distance_motion')
    keypoint = np.stack([BODY[0], np.array(BODY[0]) * 3])
    plain, scaled = (
        GenerateStream(streams, distance_scale=scale)(dict(keypoint=keypoint.astype(np.float32), layout=PAIR))[
            'keypoint'
        ]
        for scale in (1, 0.5)
    )
    assert plain.any(axis=(0, 1, 2)).all()
    np.testing.assert_array_equal(scaled, plain * [1, 1, 0.5, 0.5, 1, 1, 0.5, 0.5])


def test_motion_stays_within_its_clip_and_off_absence():
    frames = [1, 2, 4, 8, 0, 16, 17, 19]
    keypoint = clip_of(frames)
    two = stream('joint_motion', keypoint, num_clips=2)[0, :, 0, 0]
    assert two.tolist() == [1, 2, 4, 0, 0, 1, 2, 0]
    one = stream('joint_motion', keypoint[:, 1:])[0, :, 0, 0]
    assert one.tolist() == [2, 4, 0, 0, 1, 2, 0]


@pytest.mark.parametrize(
    ('sampler', 'expected'),
    [
        (SampleClip(7), [[2, 2, 2, 2, 2, 2, 0]]),  # steps of half a frame
        (SampleClip(2), [[2, 0]]),  # three frames
        (SampleClip(4), [[2, 2, 2, 0]]),
        (SampleClip(6, mode='pad'), [[2, 2, 2, 0, 0, 0]]),
        (SampleClip(1), [[0]]),
        (SampleClip(3, num_clips=2, window=0.5), [[2, 2, 0, 2, 2, 0]]),
    ],
    ids=str,
)
def test_true_speed_does_not_depend_on_the_sampling(sampler, expected):
    results = GenerateStream('joint_motion', true_speed=True)(sampled(sampler, [1, 3, 5, 7]))
    np.testing.assert_allclose(rows_of(results), expected, rtol=1e-6)


def test_every_clip_and_its_turned_copy_has_the_speed_of_its_own_step():
    # a body that goes one metre a frame, in clips that are cut at random and resized by different steps
    rows = np.zeros((1, 60, 2, 3), np.float32)
    rows[..., 0] = 1 + np.arange(60)[:, None]
    np.random.seed(3)  # noqa: NPY002
    results = SampleClip(8, crop=(0.2, 1.0), num_clips=2)(dict(keypoint=rows, layout=PAIR))
    steps = results['frame_step']
    assert abs(steps[0] - steps[1]) > 0.5
    results = GenerateStream('joint_motion', true_speed=True)(AddTurnedClips(1)(results))
    speed = results['keypoint'].reshape(4, 8, 2, 3)[:, :-1, :, 0]
    np.testing.assert_allclose(speed, np.array([1, 1, -1, -1])[:, None, None] * np.ones_like(speed), rtol=1e-4)


def test_true_speed_without_sampling_is_motion():
    keypoint = clip_of([1, 2, 5], [0, 3, 4])
    sample = {'keypoint': keypoint, 'layout': PAIR}
    plain, true = (GenerateStream('joint_motion', speed)(dict(sample)) for speed in (False, True))
    np.testing.assert_array_equal(plain['keypoint'], true['keypoint'])


def test_a_still_sequence_of_one_frame_has_no_speed():
    results = GenerateStream('joint_motion', true_speed=True)(sampled(SampleClip(3), [6]))
    assert rows_of(results) == [[0, 0, 0]]


def test_true_speed_refuses_steps_of_other_clips():
    with pytest.raises(ValueError, match=r'GenerateStream.*one frame_step for each of 1 clips, got \(2,\)'):
        stream('joint_motion', np.ones((1, 2, 2, 3)), true_speed=True, frame_step=np.ones(2))


def test_motion_refuses_frames_that_do_not_divide_into_clips():
    with pytest.raises(ValueError, match='GenerateStream.*num_clips = 2 frames, got 3'):
        stream('joint_motion', BODY, num_clips=2)


@pytest.mark.parametrize('layout', ['sbu15', 'nturgbd25', 'coco17'])
@pytest.mark.parametrize('num_person', [1, 2, 3])
def test_bones_follow_the_layout_and_lead_back_to_the_joints(layout, num_person):
    skeleton = SKELETONS[layout]
    keypoint = np.random.default_rng(0).normal(size=(num_person, 4, skeleton.num_joints, 3)).astype(np.float32)
    bone = GenerateStream('bone')({'keypoint': keypoint, 'layout': layout})['keypoint']
    index = skeleton.joints.index
    for child, parent in skeleton.bones:
        np.testing.assert_array_equal(
            bone[:, :, index(child)], keypoint[:, :, index(child)] - keypoint[:, :, index(parent)]
        )
    children = [child for child, _ in skeleton.bones]
    (root,) = (joint for joint in skeleton.joints if joint not in children)
    assert not bone[:, :, index(root)].any()


def test_the_stream_can_be_changed_on_the_object():
    transform = GenerateStream()
    transform.stream = 'bone'
    bone = transform({'keypoint': np.array(BODY, dtype=np.float32), 'layout': PAIR})['keypoint']
    assert bone[0, 0, 1].tolist() == [3, 4]
    with pytest.raises(ValueError, match="joint, bone, joint_motion, bone_motion.*'speed'"):
        transform.stream = 'speed'
    assert transform.stream == 'bone'


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


def test_smoothing_lessens_jitter_more_the_longer_the_window():
    keypoint = np.random.default_rng(0).normal(9, 0.1, size=(2, 60, 15, 3)).astype(np.float32)
    sample = {'keypoint': keypoint, 'layout': 'sbu15'}
    spread = [SmoothMotion(window)(dict(sample))['keypoint'].std() for window in (5, 7, 11)]
    assert keypoint.std() > spread[0] > spread[1] > spread[2]


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
