"""Bodies to two persons: every rule of docs/ntu.md, on clips whose right answer is known."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asea_mm.datasets.converters.ntu.convert import read_ntu_skeleton
from asea_mm.datasets.recordings.ntu_skeleton import parse_ntu_skeleton
from asea_mm.datasets.recordings.persons import two_persons
from asea_mm.datasets.recordings.bodies import looks_like_a_person
from asea_mm.datasets.recordings.tracks import Bodies
from asea_mm.skeletons import SKELETONS
from tests.datasets.ntu_files import chair, person, skeleton_text, standing

T = 40
A = person(-0.6, T, sway=0.20)  # moves most
B = person(0.6, T, sway=0.10)
C = person(2.0, T, sway=0.05)
SEAT = chair(1.5, T)
NOTHING = np.zeros_like(A)


def clip(*bodies):
    """Frames from ``(id, joints, frames)``; an id is a number or a function of the frame."""
    frames = [[] for _ in range(T)]
    for body_id, joints, present in bodies:
        for frame in present:
            frames[frame].append((body_id(frame) if callable(body_id) else body_id, joints[frame]))
    return frames


def only(joints, *present):
    """The body in these frames, zero in all others."""
    kept = np.zeros_like(joints)
    for part in present:
        kept[part] = joints[part]
    return kept


ALL = range(T)
FIRST, SECOND = range(20), range(20, T)


def swapping(*at):
    """Ids 1 and 2 change places at these frames."""
    return [
        (lambda frame, other=other: 1 + (other + sum(frame >= swap for swap in at)) % 2, joints, ALL)
        for other, joints in enumerate((A, B))
    ]


CLOSE = person(-0.3, T, sway=0.15)  # 30 cm from A, as in a hug
COPY = A + 0.03

# name: (bodies, person 1, person 2, notes)
CLIPS = {
    'two bodies': ([(1, A, ALL), (2, B, ALL)], A, B, {}),
    'the other order in the file': ([(2, B, ALL), (1, A, ALL)], A, B, {}),
    'one body': ([(7, B, ALL)], B, NOTHING, {}),
    'one body in one frame': ([(7, B, [5])], only(B, [5]), NOTHING, {}),
    'the first is seen later': ([(1, A, range(3, T)), (2, B, ALL)], B, only(A, range(3, T)), {}),
    'no body at first and at last': ([(1, A, range(5, 35))], only(A, range(5, 35)), NOTHING, {}),
    # ids that break
    'a new id': ([(1, A, FIRST), (3, A, SECOND), (2, B, ALL)], A, B, {'joined': 1}),
    'a new id in every frame': ([(lambda frame: frame, A, ALL), (99, B, ALL)], A, B, {'joined': T - 1}),
    'two new ids at once': ([(1, A, FIRST), (3, A, SECOND), (2, B, FIRST), (4, B, SECOND)], A, B, {'joined': 2}),
    'both ids new in every frame': (
        [(lambda frame: 2 * frame, A, ALL), (lambda frame: 2 * frame + 1, B, ALL)],
        A,
        B,
        {'joined': 2 * (T - 1)},
    ),
    # ids that swap
    'ids swap once': (swapping(20), A, B, {'joined': 2}),
    'ids swap and swap back': (swapping(15, 30), A, B, {'joined': 4}),
    'ids swap for one frame': (swapping(20, 21), A, B, {'joined': 4}),
    'ids swap close together': (
        [(lambda frame: 1 + (frame >= 20), A, ALL), (lambda frame: 2 - (frame >= 20), CLOSE, ALL)],
        *(A, CLOSE, {'joined': 2}),
    ),
    'an id is stolen': (
        [(1, A, FIRST), (3, A, SECOND), (2, B, FIRST), (1, B, SECOND)],
        A,
        B,
        {'joined': 2},
    ),
    'an id is stolen close together': (
        [(1, A, FIRST), (3, A, SECOND), (2, CLOSE, FIRST), (1, CLOSE, SECOND)],
        A,
        CLOSE,
        {'joined': 2},
    ),
    # absence
    'vanishes and returns': (
        [(1, A, ALL), (2, B, [*range(10), *range(25, T)])],
        A,
        only(B, range(10), range(25, T)),
        {},
    ),
    'vanishes and returns under a new id': (
        [(1, A, ALL), (2, B, range(10)), (5, B, range(25, T))],
        A,
        only(B, range(10), range(25, T)),
        {'joined': 1},
    ),
    'returns elsewhere under its id': (
        [(1, A, ALL), (2, B, range(10)), (2, C, range(30, T))],
        A,
        only(B, range(10)) + only(C, range(30, T)),
        {},
    ),
    'returns elsewhere under a new id': (  # not the same body as far as anybody knows: three bodies, two are kept
        [(1, A, ALL), (2, B, range(20)), (5, C + (3.0, 0, 0), range(25, T))],
        A,
        only(B, range(20)),
        {'surplus': 1},
    ),
    'both vanish and return': (
        [(1, A, [*range(10), *range(15, T)]), (2, B, [*range(12), *range(18, T)])],
        only(A, range(10), range(15, T)),
        only(B, range(12), range(18, T)),
        {},
    ),
    'both return under the other id': (
        [(1, A, range(10)), (2, A, range(15, T)), (2, B, range(12)), (1, B, range(15, T))],
        only(A, range(10), range(15, T)),
        only(B, range(12), range(15, T)),
        {'joined': 2},
    ),
    'one after the other, far away': (
        [(1, A, FIRST), (2, B + (2, 0, 0), SECOND)],
        only(A, FIRST),
        only(B + (2, 0, 0), SECOND),
        {},
    ),
    'all zero means absent': ([(1, A, ALL), (2, NOTHING, ALL)], A, NOTHING, {}),
    'zero in some frames': ([(1, A, ALL), (2, only(B, FIRST), ALL)], A, only(B, FIRST), {}),
    # more than two
    'three bodies': ([(3, C, ALL), (1, A, ALL), (2, B, ALL)], A, B, {'surplus': 1}),
    'six bodies': (
        [(i, person(i - 3.0, T, sway=0.02 * i), ALL) for i in range(1, 7)],
        *(person(3.0, T, sway=0.12), person(2.0, T, sway=0.10)),
        {'surplus': 4},
    ),
    'a passer-by of three frames': (
        [(1, A, ALL), (2, B, ALL), (3, C + 0.5 * np.arange(T)[:, None, None] * (1, 0, 0), range(3))],
        A,
        B,
        {'surplus': 1},
    ),
    # what is no person
    'a chair that moves more than both': ([(3, SEAT, ALL), (1, A, ALL), (2, B, ALL)], A, B, {'not_persons': 1}),
    'a chair beside one person': ([(3, SEAT, ALL), (1, A, ALL)], A, NOTHING, {'not_persons': 1}),
    'two chairs': ([(1, SEAT, ALL), (2, SEAT - (3, 0, 0), [*range(30)])], SEAT, only(SEAT - (3, 0, 0), range(30)), {}),
    'a speck': ([(1, A, ALL), (2, B, ALL), (3, C * 0 + SEAT[:, :1] + 0.01, ALL)], A, B, {'not_persons': 1}),
    'a giant': ([(1, A, ALL), (2, B, ALL), (3, (C - C[:, :1]) * 2.5 + C[:, :1], ALL)], A, B, {'not_persons': 1}),
    # one body twice
    'the same body twice': ([(1, A, ALL), (2, A, ALL)], A, NOTHING, {'duplicates': 1}),
    'nearly the same body twice': ([(1, A, ALL), (9, COPY, range(30)), (2, B, ALL)], A, B, {'duplicates': 1}),
    'the second fills what the first lacks': (
        [(1, A, range(25)), (9, COPY, range(20, T)), (2, B, ALL)],
        only(A, range(25)) + only(COPY, range(25, T)),
        B,
        {'duplicates': 1},
    ),
    'one id twice in every frame': ([(1, A, ALL), (1, B, ALL)], A, B, {}),
}


@pytest.mark.parametrize('name', CLIPS)
def test_two_persons(tmp_path, name):
    bodies, first, second, notes = CLIPS[name]
    file = tmp_path / 'x.skeleton'
    file.write_text(skeleton_text(clip(*bodies)))
    keypoint, found = two_persons(parse_ntu_skeleton(file))
    assert keypoint.shape == (2, T, 25, 3)
    for person_index, expected in enumerate((first, second)):
        np.testing.assert_allclose(keypoint[person_index], expected, atol=1e-6)
    assert {key: count for key, count in asdict(found).items() if count} == notes
    np.testing.assert_array_equal(read_ntu_skeleton(file), keypoint.astype(np.float32))


@pytest.mark.parametrize('frames', [[], [[]], [[], [], []], [[(1, 0 * standing())]]], ids=str)
def test_nobody(tmp_path, frames):
    file = tmp_path / 'x.skeleton'
    file.write_text(skeleton_text(frames))
    with pytest.raises(ValueError, match=f'^{file}: expected at least one body, got none in {len(frames)} frames'):
        read_ntu_skeleton(file)


def test_noise_without_shape_or_place_keeps_its_ids(tmp_path):
    """Where nothing says better, an id is one body, however it jumps."""
    noise = np.random.default_rng(0).normal(size=(2, T, 25, 3)).round(6)
    noise[1] *= 0.5
    file = tmp_path / 'x.skeleton'
    file.write_text(skeleton_text(clip((1, noise[0], ALL), (2, noise[1], ALL))))
    np.testing.assert_allclose(read_ntu_skeleton(file), noise, atol=1e-6)


def turned(axis, angle):
    c, s = np.cos(angle), np.sin(angle)
    rotation = np.eye(3)
    rotation[np.ix_(*[[i for i in range(3) if i != axis]] * 2)] = [[c, -s], [s, c]]
    return (standing() @ rotation.T)[None]


@pytest.mark.parametrize(
    ('joints', 'is_person'),
    [
        (standing()[None], True),
        (turned(0, np.pi / 2), True),  # lying
        (turned(2, 1.0), True),
        (standing()[None] * 0.75, True),  # a child
        (standing()[None] * 0.3, False),
        (standing()[None] * 2.2, False),
        (np.ones((5, 25, 3)), False),
        (chair(0.0, 5), False),
        (standing()[None] * np.tile([0.6, 1.5], 10)[:, None, None], False),  # a trunk that pumps
    ],
)
def test_shape_of_a_person(joints, is_person):
    assert looks_like_a_person(joints, SKELETONS['nturgbd25']) == is_person


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, database=None)
def test_ids_and_their_order_do_not_matter(seed):
    """New ids at random, and lines of a frame in any order: the same two persons."""
    rng = np.random.default_rng(seed)
    frames = clip((1, A, ALL), (2, B, ALL))
    names = {1: 10, 2: 20}
    for number, frame in enumerate(frames):
        if number and rng.random() < 0.15:
            names = {1: names[2], 2: names[1]} if rng.random() < 0.5 else {**names, 1: 100 + number}
        frame[:] = [(names[body_id], joints) for body_id, joints in frame]
        if rng.random() < 0.5:
            frame.reverse()
    raw_frames = [(i, body_id, joints) for i, frame in enumerate(frames) for body_id, joints in frame]
    raw = Bodies(
        T,
        np.array([frame for frame, _, _ in raw_frames]),
        tuple(body_id for _, body_id, _ in raw_frames),
        np.stack([joints for _, _, joints in raw_frames]),
    )
    np.testing.assert_array_equal(two_persons(raw)[0], np.stack([A, B]))
