"""Bodies to tracks and persons, by every rule of docs/ntu.md, on recordings whose right answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asea_mm.datasets.recordings.persons import two_persons
from asea_mm.datasets.recordings.tracks import Bodies, find_tracks
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS
from tests.datasets.ntu_files import chair, person

T = 40
A = person(-0.6, T, sway=0.20)  # moves most
B = person(0.6, T, sway=0.10)
C = person(2.0, T, sway=0.05)
SEAT = chair(1.5, T)
NOTHING = np.zeros_like(A)


def bodies_of(*bodies):
    """From ``(id, joints, frames)``, listed frame by frame; an id is a value or a function of the frame."""
    listed = [
        (frame, body_id(frame) if callable(body_id) else body_id, joints[frame])
        for frame in range(T)
        for body_id, joints, present in bodies
        if frame in present
    ]
    frames, ids, joints = zip(*listed, strict=True)
    return Bodies(T, np.array(frames), ids, np.stack(joints))


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

# name: (bodies, person 1, person 2)
CLIPS = {
    'two bodies': ([(1, A, ALL), (2, B, ALL)], A, B),
    'the other order in the file': ([(2, B, ALL), (1, A, ALL)], A, B),
    'one body': ([(7, B, ALL)], B, NOTHING),
    'one body in one frame': ([(7, B, [5])], only(B, [5]), NOTHING),
    'the first is seen later': ([(1, A, range(3, T)), (2, B, ALL)], B, only(A, range(3, T))),
    # ids that break
    'a new id': ([(1, A, FIRST), (3, A, SECOND), (2, B, ALL)], A, B),
    'a new id in every frame': ([(lambda frame: frame, A, ALL), (99, B, ALL)], A, B),
    'both ids new in every frame': ([(lambda frame: 2 * frame, A, ALL), (lambda frame: 2 * frame + 1, B, ALL)], A, B),
    # ids that swap
    'ids swap once': (swapping(20), A, B),
    'ids swap and swap back': (swapping(15, 30), A, B),
    'ids swap close together': (
        [(lambda frame: 1 + (frame >= 20), A, ALL), (lambda frame: 2 - (frame >= 20), CLOSE, ALL)],
        A,
        CLOSE,
    ),
    'an id is stolen': ([(1, A, FIRST), (3, A, SECOND), (2, B, FIRST), (1, B, SECOND)], A, B),
    'an id is stolen close together': (
        [(1, A, FIRST), (3, A, SECOND), (2, CLOSE, FIRST), (1, CLOSE, SECOND)],
        A,
        CLOSE,
    ),
    # absence
    'vanishes and returns': ([(1, A, ALL), (2, B, [*range(10), *range(25, T)])], A, only(B, range(10), range(25, T))),
    'returns elsewhere under its id': (
        [(1, A, ALL), (2, B, range(10)), (2, C, range(30, T))],
        A,
        only(B, range(10)) + only(C, range(30, T)),
    ),
    'returns elsewhere under a new id': (  # not the same body as far as anybody knows: three bodies, two are kept
        [(1, A, ALL), (2, B, range(20)), (5, C + (3.0, 0, 0), range(25, T))],
        A,
        only(B, range(20)),
    ),
    'both return under the other id': (
        [(1, A, range(10)), (2, A, range(15, T)), (2, B, range(12)), (1, B, range(15, T))],
        only(A, range(10), range(15, T)),
        only(B, range(12), range(15, T)),
    ),
    'one after the other, far away': (
        [(1, A, FIRST), (2, B + (2, 0, 0), SECOND)],
        only(A, FIRST),
        only(B + (2, 0, 0), SECOND),
    ),
    'all zero means absent': ([(1, A, ALL), (2, NOTHING, ALL)], A, NOTHING),
    # more than two
    'three bodies': ([(3, C, ALL), (1, A, ALL), (2, B, ALL)], A, B),
    'six bodies': (
        [(i, person(i - 3.0, T, sway=0.02 * i), ALL) for i in range(1, 7)],
        person(3.0, T, sway=0.12),
        person(2.0, T, sway=0.10),
    ),
    'a passer-by of three frames': (
        [(1, A, ALL), (2, B, ALL), (3, C + 0.5 * np.arange(T)[:, None, None] * (1, 0, 0), range(3))],
        A,
        B,
    ),
    # what is no person
    'a chair that moves more than both': ([(3, SEAT, ALL), (1, A, ALL), (2, B, ALL)], A, B),
    'a chair beside one person': ([(3, SEAT, ALL), (1, A, ALL)], A, NOTHING),
    'two chairs': ([(1, SEAT, ALL), (2, SEAT - (3, 0, 0), [*range(30)])], SEAT, only(SEAT - (3, 0, 0), range(30))),
    'a giant': ([(1, A, ALL), (2, B, ALL), (3, (C - C[:, :1]) * 2.5 + C[:, :1], ALL)], A, B),
    # one body twice
    'nearly the same body twice': ([(1, A, ALL), (9, COPY, range(30)), (2, B, ALL)], A, B),
    'the second fills what the first lacks': (
        [(1, A, range(25)), (9, COPY, range(20, T)), (2, B, ALL)],
        only(A, range(25)) + only(COPY, range(25, T)),
        B,
    ),
    'one id twice in every frame': ([(1, A, ALL), (1, B, ALL)], A, B),
}


@pytest.mark.parametrize('name', CLIPS)
def test_two_persons(name):
    clip, *expected = CLIPS[name]
    np.testing.assert_allclose(two_persons(bodies_of(*clip)), expected, atol=1e-6)


@pytest.mark.parametrize('name', [name for name in CLIPS if 'chair' not in name and 'giant' not in name])
def test_tracks_in_pixels(name):
    """In pixels the shape does not tell, but all else is the same: distances are in body sizes."""
    clip, *expected = CLIPS[name]
    bodies = bodies_of(*clip)
    flat = Bodies(T, bodies.frame, bodies.ids, bodies.joints[..., :2] * 500)
    keypoint, _ = flat.of_tracks(find_tracks(flat, SKELETONS['nturgbd25']))
    for person_of_clip in expected:
        if person_of_clip.any():
            assert any(np.allclose(row, person_of_clip[..., :2] * 500, atol=1e-3) for row in keypoint)


def test_nobody():
    with pytest.raises(InputError, match='expected at least one body, got none in 3 frames'):
        two_persons(Bodies(3, np.array([0, 2]), [1, 1], np.zeros((2, 25, 3))))


def test_noise_without_shape_or_place_keeps_its_ids():
    """Where nothing says better, an id is one body, however it jumps."""
    noise = np.random.default_rng(0).normal(size=(2, T, 25, 3))
    noise[1] *= 0.5
    keypoint = two_persons(bodies_of((1, noise[0], ALL), (2, noise[1], ALL)))
    np.testing.assert_array_equal(keypoint, noise)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=40, deadline=None, database=None)
def test_ids_and_their_order_do_not_matter(seed, told):
    """New ids at random or none at all, and bodies of a frame in any order: the same two persons."""
    rng = np.random.default_rng(seed)
    names, listed = [10, 20], []
    for frame in range(T):
        if frame and rng.random() < 0.15:
            names = names[::-1] if rng.random() < 0.5 else [100 + frame, names[1]]
        pair = list(zip(names if told else [None, None], (A[frame], B[frame]), strict=True))
        listed += [(frame, *body) for body in (pair if rng.random() < 0.5 else pair[::-1])]
    frames, ids, joints = zip(*listed, strict=True)
    np.testing.assert_array_equal(two_persons(Bodies(T, np.array(frames), ids, np.stack(joints))), np.stack([A, B]))


def link(frames, ids=None, **arguments):
    """The number of the track of each body of each frame; bodies are upright sticks of size 10 at these places."""
    places = [(time, x) for time, frame in enumerate(frames) for x in frame]
    joints = np.array([[[x, 1.0], [x, 11.0]] for _, x in places]).reshape(-1, 2, 2)
    times = np.array([time for time, _ in places], int)
    tracks = find_tracks(Bodies(len(frames), times, ids or [None] * len(places), joints), **arguments)
    number_of = {index: number for number, track in enumerate(tracks) for index in track.tolist()}
    return [[number_of[index] for index in np.flatnonzero(times == time).tolist()] for time in range(len(frames))]


@pytest.mark.parametrize(
    ('frames', 'expected'),
    [
        ([[5, 50], [51, 6], [7, 52]], [[0, 1], [1, 0], [0, 1]]),  # the order changes
        ([[5], [], [6, 50], [51]], [[0], [], [0, 1], [1]]),  # one comes, one goes
        ([[5], [10]], [[0], [0]]),  # half its size in a frame, and no more
        ([[5], [11]], [[0], [1]]),
        ([[5], [], [14]], [[0], [], [0]]),  # twice that in two frames
        ([[5], [], [], [], [], [20]], [[0], [], [], [], [], [0]]),  # three times at most
        ([[5], [], [], [], [], [21]], [[0], [], [], [], [], [1]]),
        ([[5, 9], [8, 12]], [[0, 1], [0, 1]]),  # as many as possible go on; the nearest first would leave one over
        ([[5, 9], [8, 10]], [[0, 1], [0, 1]]),  # 0.3 + 0.1, and not 0.1 + 0.5
        ([[], []], [[], []]),
    ],
)
def test_linking_without_ids(frames, expected):
    assert link(frames) == expected


def test_a_lost_body_is_waited_for_but_not_for_ever():
    lost = [[5], [], [], [5]]
    assert link(lost, max_gap=3, gap_in_place=3)[-1] == [0]
    assert link(lost, max_gap=2, gap_in_place=2)[-1] == [1]
    assert link([[5], *[[]] * 89, [5]])[-1] == [0]
    assert link([[5], *[[]] * 90, [5]])[-1] == [1]
    assert link([[5], *[[]] * 30, [90]], ids=['a', 'a'])[-1] == [0]  # its id


def test_a_body_that_the_tracker_lost_is_linked_by_its_place():
    assert link([[5, 50], [50, 5], [5, 50]], ids=['a', 'b', None, 'a', None, 'b']) == [[0, 1], [1, 0], [0, 1]]
