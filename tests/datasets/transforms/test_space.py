"""Normalisation and augmentation: what moves, what turns, and what between the persons must stay."""

import numpy as np
import pytest
from mmaction.registry import TRANSFORMS

from asea_mm.datasets.transforms import (
    AddTurnedClips,
    AlignFacing,
    CentrePair,
    MirrorPose,
    RandomRotation3D,
    RandomScale3D,
    SampleClip,
    SwapPersons,
)
from asea_mm.keypoints import presence
from asea_mm.skeletons import SKELETONS, get_skeleton
from tests.datasets.transforms import PAIR

LAYOUTS = ('sbu15', 'nturgbd25', 'coco17')


def make_sample(layout='sbu15', num_person=2, channels=3, total=6):
    rng = np.random.default_rng(1)
    keypoint = rng.normal(size=(num_person, total, get_skeleton(layout).num_joints, channels)).astype(np.float32)
    return {'keypoint': keypoint, 'keypoint_score': rng.uniform(0.1, 1, keypoint.shape[:3]), 'layout': layout}


def run(transform, sample, seed=0):
    np.random.seed(seed)  # noqa: NPY002
    return transform(dict(sample))


def distances(keypoint):
    """Between all joints of all persons, per frame: bone lengths and how the persons stand."""
    points = keypoint.swapaxes(0, 1).reshape(keypoint.shape[1], -1, keypoint.shape[-1])
    return np.linalg.norm(points[:, :, None] - points[:, None], axis=-1)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
@pytest.mark.parametrize(
    'config',
    [
        {'type': 'CentrePair'},
        {'type': 'AlignFacing'},
        {'type': 'RandomRotation3D', 'angles': (90.0, 180.0, 45.0)},
    ],
    ids=lambda config: config['type'],
)
def test_rigid_transforms_keep_all_distances(config, num_person, layout):
    sample = make_sample(layout, num_person)
    out = run(TRANSFORMS.build(config), sample)['keypoint']
    assert np.abs(out - sample['keypoint']).max() > 0.1
    np.testing.assert_allclose(distances(out), distances(sample['keypoint']), atol=1e-4)


def test_centre_by_hand():
    # The root is the centre. Person 1 comes in the second frame, the third is empty.
    keypoint = np.zeros((2, 3, 2, 2), dtype=np.float32)
    keypoint[0, 0] = [[2, 4], [3, 9]]
    keypoint[0, 1] = [[4, 4], [5, 9]]
    keypoint[1, 1] = [[8, 0], [9, 1]]
    first = CentrePair()({'keypoint': keypoint, 'layout': PAIR})['keypoint']
    assert first.tolist() == [
        [[[0, 0], [1, 5]], [[2, 0], [3, 5]], [[0, 0], [0, 0]]],
        [[[0, 0], [0, 0]], [[6, -4], [7, -3]], [[0, 0], [0, 0]]],
    ]
    late = CentrePair()({'keypoint': keypoint[:, 1:], 'layout': PAIR})['keypoint']
    assert late[:, 0, 0].tolist() == [[-2, 2], [2, -2]]
    empty_start = CentrePair()({'keypoint': keypoint[:, ::-1], 'layout': PAIR})['keypoint']
    assert empty_start[:, 1, 0].tolist() == [[-2, 2], [2, -2]]
    # a missing centre joint is replaced by the seen ones
    missing = {'keypoint': [[[[0, 0], [3, 9]]]], 'keypoint_score': [[[0, 0.4]]], 'layout': PAIR}
    assert CentrePair()(missing)['keypoint'][0, 0, 1].tolist() == [0, 0]


def test_centre_of_every_frame_by_hand():
    # The first walks to the second, who is absent at the beginning, in between and at the end; the third never comes.
    keypoint = np.zeros((3, 6, 2, 2), dtype=np.float32)
    keypoint[0, :, :, 0] = np.array([2, 1, 3, 5, 7, 9])[:, None]
    keypoint[1, [1, 3, 4], :, 0] = np.array([[7], [9], [11]])
    keypoint[:2, :, 1, 1] = 2 * (keypoint[:2, :, 1, 0] > 0)
    sample = {'keypoint': keypoint, 'layout': PAIR}
    centred = CentrePair(every_frame=True)(dict(sample))['keypoint']
    assert centred[:2, :, 0, 0].tolist() == [[-2.5, -3, -2.5, -2, -2, -1], [0, 3, 0, 2, 2, 0]]
    assert not centred[2].any()
    np.testing.assert_array_equal(centred[..., 1], keypoint[..., 1])
    # a centre joint that is missing now and then is where it was before and after; never seen, the others stand for it
    score = np.ones(keypoint.shape[:3])
    score[0, 3, 0] = score[1, :, 0] = 0
    keypoint[0, 3, 0], keypoint[1, [1, 3, 4], 0] = 100, -100
    centred = CentrePair(every_frame=True)({**sample, 'keypoint_score': score})['keypoint']
    assert centred[:2, :, 1, 0].tolist() == [[-2.5, -3, -2.5, -2, -2, -1], [0, 3, 0, 2, 2, 0]]


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [2, 3])
def test_pairs_are_aligned_along_x_with_the_first_person_at_its_low_end(layout, num_person):
    sample = make_sample(layout, num_person)
    sample['keypoint'][1, :2] = 0  # the average is over frames with both
    out = AlignFacing()(dict(sample))['keypoint']
    pair = (0, 1) if num_person == 2 else (0, 2)  # of three, the two that share most frames
    both = presence(out)[pair[1]] & presence(out)[pair[0]]
    centre = out[:, both][:, :, get_skeleton(layout).centre_indices].mean(axis=2)
    line = (centre[pair[1]] - centre[pair[0]]).mean(axis=0)
    assert line[0] > 0.01
    np.testing.assert_allclose(line[2], 0, atol=1e-5)
    np.testing.assert_array_equal(out[..., 1], sample['keypoint'][..., 1])


def test_alignment_is_a_rotation_not_a_mirror():
    keypoint = np.zeros((2, 1, 2, 3), dtype=np.float32)
    keypoint[0, 0] = [[0, 1, 0], [1, 0, 0]]
    keypoint[1, 0] = [[0, 1, 2], [0, 0, 2]]
    out = AlignFacing()({'keypoint': keypoint, 'layout': PAIR})['keypoint']
    # The turn about y that takes +z to +x takes +x to -z.
    np.testing.assert_allclose(out[0, 0], [[0, 1, 0], [0, 0, -1]], atol=1e-6)
    np.testing.assert_allclose(out[1, 0], [[2, 1, 0], [2, 0, 0]], atol=1e-6)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('alone', ['one person', 'never together'])
def test_a_lone_person_has_left_to_right_along_x(layout, alone):
    sample = make_sample(layout, 1 if alone == 'one person' else 2)
    if alone == 'never together':
        sample['keypoint'][0, 2:] = 0
        sample['keypoint'][1, :2] = 0
    out = AlignFacing()(dict(sample))['keypoint']
    body = out[-1][presence(out)[-1]]  # the one there for longest
    left, right = np.array(get_skeleton(layout).mirrored_indices).T
    lateral = (body[:, right] - body[:, left]).mean(axis=(0, 1))
    assert lateral[0] > 0
    np.testing.assert_allclose(lateral[2], 0, atol=1e-5)


@pytest.mark.parametrize('num_clips', [1, 3])
def test_turned_clips_are_those_of_the_other_order_of_the_persons(num_clips):
    sample = make_sample()
    clips = SampleClip(8, num_clips=num_clips)

    def prepared(keypoint):
        return AddTurnedClips()(clips(AlignFacing()(sample | {'keypoint': keypoint})))

    one, other = prepared(sample['keypoint']), prepared(sample['keypoint'][::-1])
    assert one['num_clips'] == other['num_clips'] == 2 * num_clips
    assert one['keypoint'].shape == (2, 2 * num_clips * 8, *sample['keypoint'].shape[2:])
    assert one['total_frames'] == 2 * num_clips * 8
    assert one['frame_step'].shape == (2 * num_clips,)
    half = num_clips * 8
    swapped = other['keypoint'][::-1]
    np.testing.assert_allclose(one['keypoint'][:, :half], swapped[:, half:], atol=1e-5)
    np.testing.assert_allclose(one['keypoint'][:, half:], swapped[:, :half], atol=1e-5)
    assert np.abs(one['keypoint'][:, :half] - one['keypoint'][:, half:]).max() > 1


def test_mirrored_clips_are_the_same_set_for_a_mirrored_sample():
    sample = make_sample('nturgbd25')
    clips = SampleClip(6, num_clips=2)
    add = AddTurnedClips(mirrored=True)
    straight, mirrored = (add(clips(given)) for given in (dict(sample), MirrorPose(1.0)(dict(sample))))
    plain = AddTurnedClips()(clips(dict(sample)))
    assert straight['num_clips'] == len(straight['frame_step']) == 8
    assert straight['total_frames'] == straight['keypoint'].shape[1] == 8 * 6
    for key in ('keypoint', 'keypoint_score'):
        np.testing.assert_array_equal(straight[key][:, :24], plain[key])
        # the four kinds of two clips each: as it is, turned, and the mirror images of both
        kinds, others = (np.split(result[key], 4, axis=1) for result in (straight, mirrored))
        assert all(any(np.array_equal(kind, other) for other in others) for kind in kinds)


def test_rotation_turns_about_the_named_axis_within_the_angle():
    sample = make_sample()
    for axis in range(3):
        angles = [0.0, 0.0, 0.0]
        angles[axis] = 40.0
        i, j = (axis + 1) % 3, (axis + 2) % 3
        seen = []
        for seed in range(100):
            out = run(RandomRotation3D(angles), sample, seed)['keypoint']
            np.testing.assert_allclose(out[..., axis], sample['keypoint'][..., axis], atol=1e-6)
            before, after = (x[..., i] + 1j * x[..., j] for x in (sample['keypoint'], out))
            turned = np.rad2deg(np.angle(after / before))
            np.testing.assert_allclose(turned, turned[0, 0, 0], atol=0.05)
            seen.append(turned.mean())
        assert -40 <= min(seen) < -30
        assert 30 < max(seen) <= 40


@pytest.mark.parametrize('channels', [2, 3])
def test_scale_is_one_factor_for_each_axis(channels):
    sample = make_sample('coco17', 3, channels)
    factors = []
    for seed in range(100):
        factor = run(RandomScale3D(0.3), sample, seed)['keypoint'] / sample['keypoint']
        np.testing.assert_allclose(factor, np.broadcast_to(factor[0, 0, 0], factor.shape), rtol=1e-5)
        assert np.ptp(factor[0, 0, 0]) > 1e-5
        factors.append(factor[0, 0, 0])
    assert 0.6999 < np.min(factors) < 0.75
    assert 1.25 < np.max(factors) < 1.3001


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('num_person', [1, 2, 3])
def test_mirror_swaps_left_and_right_and_twice_is_identity(layout, num_person):
    sample = make_sample(layout, num_person)
    once = MirrorPose(1.0)(dict(sample))
    joints = SKELETONS[layout].joints
    others = [name.replace('left', 'RIGHT').replace('right', 'left').replace('RIGHT', 'right') for name in joints]
    order = [joints.index(other) for other in others]
    np.testing.assert_array_equal(once['keypoint'], sample['keypoint'][:, :, order] * [-1, 1, 1])
    np.testing.assert_array_equal(once['keypoint_score'], sample['keypoint_score'][:, :, order].astype(np.float32))
    twice = MirrorPose(1.0)(once)
    np.testing.assert_array_equal(twice['keypoint'], sample['keypoint'])


@pytest.mark.parametrize('num_person', [2, 3])
def test_swap_gives_another_order_to_keypoints_and_scores_alike(num_person):
    sample = make_sample('sbu15', num_person)
    orders = set()
    for seed in range(100):
        out = run(SwapPersons(1.0), sample, seed)
        order = [int((sample['keypoint'] == person).all(axis=(1, 2, 3)).argmax()) for person in out['keypoint']]
        np.testing.assert_array_equal(out['keypoint_score'], sample['keypoint_score'][order].astype(np.float32))
        orders.add(tuple(order))
    assert tuple(range(num_person)) not in orders
    assert len(orders) == {2: 1, 3: 5}[num_person]


@pytest.mark.parametrize('transform', [MirrorPose, SwapPersons])
def test_probability_is_the_share_of_changed_samples(transform):
    sample = make_sample()
    outputs = [run(transform(0.3), sample, seed)['keypoint'] for seed in range(600)]
    assert 0.24 < np.mean([not np.array_equal(output, sample['keypoint']) for output in outputs]) < 0.36
