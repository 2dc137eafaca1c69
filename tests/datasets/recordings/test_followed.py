"""Recordings of every form are followed by one road: broken ids, gaps, bodies detected twice; and it is said."""

import json

import numpy as np
import pytest

from asea_mm.datasets.converters.custom.convert import convert_custom
from asea_mm.datasets.recordings.arrays import read_array
from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.notes import Note, gather_notes
from asea_mm.datasets.recordings.samples import read_recording
from asea_mm.skeletons import get_skeleton
from tests.datasets.ntu_files import person

T = 80
KINECT = get_skeleton('nturgbd25')
A, B = person(-0.6, T, sway=0.2), person(0.6, T, sway=0.1)
FAR = person(6.0, T, sway=0.02)
TWICE = A + 0.01
ALL = range(T)


def finish(recording, **options):
    return finish_recording(recording, KINECT, 'clip', **options)


def from_json(path, *bodies):
    """A file of ``(id, joints, frames)``; an id is a value, None, or a function of the frame."""
    frames = [
        {
            'persons': [
                {'id': name(t) if callable(name) else name, 'keypoint': joints[t].tolist()}
                for name, joints, there in bodies
                if t in there
            ]
        }
        for t in range(T)
    ]
    (path / 'a.json').write_text(json.dumps({'frames': frames}), encoding='utf-8')
    return read_recording(path / 'a.json', KINECT)


def from_array(_, *bodies):
    keypoint = np.zeros((len(bodies), *A.shape))
    for row, (_, joints, there) in enumerate(bodies):
        keypoint[row, [*there]] = joints[[*there]]
    return read_array(keypoint, KINECT)


BOTH = [from_json, from_array]
UNTIL = [*range(20), *range(56, T)]
CASES = {
    'an id changes': ([(1, A, range(30)), (5, A, range(30, T)), (2, B, ALL)], BOTH, (A, ALL), (B, ALL), 'ids change'),
    'a gap of all': ([(None, A, UNTIL), (None, B, UNTIL)], [from_json], (A, UNTIL), (B, UNTIL), None),
    'a gap of one': ([(None, A, ALL), (None, B, UNTIL)], [from_json], (A, ALL), (B, UNTIL), None),
    'a gap and another id': (
        [(1, A, ALL), (2, B, range(20)), (7, B, range(56, T))],
        BOTH,
        (A, ALL),
        (B, UNTIL),
        'ids change',
    ),
    'a body twice': ([(1, A, ALL), (2, TWICE, ALL), (3, B, ALL)], BOTH, (A, ALL), (B, ALL), 'one body was detected'),
    'ids number detections': (
        [(lambda t: 2 * t, A, ALL), (lambda t: 2 * t + 1, B, ALL)],
        [from_json],
        (A, ALL),
        (B, ALL),
        'most ids are in one frame only',
    ),
    'people behind': (
        [(1, A, ALL), (2, B, ALL), (lambda t: 100 + t, FAR, ALL)],
        [from_json],
        (A, ALL),
        (B, ALL),
        None,
    ),
}


@pytest.mark.parametrize(('case', 'form'), [(case, form) for case, (_, forms, *_) in CASES.items() for form in forms])
def test_two_persons_are_found(tmp_path, case, form):
    bodies, _, *expected, said = CASES[case]
    sample = finish(form(tmp_path, *bodies))
    keypoint = sample.annotation(2)['keypoint']
    for row, (joints, there) in zip(keypoint, expected, strict=True):
        whole = np.zeros_like(joints)
        whole[[*there]] = joints[[*there]]
        np.testing.assert_allclose(row, whole, atol=1e-6)
    notes = [str(note) for note in sample.notes]
    assert len(notes) == (said is not None), notes
    assert said is None or notes[0].startswith(said)


@pytest.mark.parametrize('apart', [0.25, 0.35])
def test_people_who_hug_stay_two(tmp_path, apart):
    """Nearly in one place, for all of the recording: neither merged nor swapped."""
    other = A @ np.diag([-1.0, 1, -1]) + [-1.2, 0, 6 - apart]  # turned to the first
    for form in BOTH:
        keypoint = finish(form(tmp_path, (1, A, ALL), (2, other, ALL))).annotation(2)['keypoint']
        np.testing.assert_allclose(keypoint, [A, other], atol=1e-6)


def test_rows_of_an_array_keep_their_numbers():
    """Whatever becomes of the row of somebody who is there twice."""
    sample = finish(from_array(None, (1, A, ALL), (2, TWICE, ALL), (3, B, ALL)))
    assert sample.likeliest == (0, 2)
    assert sample.person_names == ['1', '2', '3']
    assert sample.groups(2, 'all') == [(0, 2)]
    untouched = read_array(np.stack([A, B]), KINECT)
    assert finish(untouched).notes == []


def test_frames_by_milliseconds_are_told_where_a_file_numbers_them(tmp_path):
    lines = ['frame,person,' + ','.join(f'{joint}_{axis}' for joint in KINECT.joints for axis in 'xyz')]
    for t in range(20):
        number = t * 33 + t // 3
        lines += [f'{number},{name},' + ','.join(map(str, body[t].ravel())) for name, body in (('a', A), ('b', B))]
    (tmp_path / 'a.csv').write_text('\n'.join(lines), encoding='utf-8')
    (note,) = finish(read_recording(tmp_path / 'a.csv', KINECT)).notes
    assert 'milliseconds' in note.what
    keypoint = np.stack([A, B])
    keypoint[:, :50] = 0
    assert finish(read_array(keypoint, KINECT)).notes == []


def test_a_line_for_each_thing_that_was_done(tmp_path):
    notes = [('a', Note('turned', 'shape 1')), ('b', Note('turned', 'shape 2')), ('b', Note('merged'))]
    assert gather_notes(notes) == ['a and 1 more: turned (shape 1)', 'b: merged']
    for name in ('hug/a', 'hug/b', 'push/c'):
        path = tmp_path / 'recordings' / f'{name}.npy'
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.stack([A, B]).transpose(3, 1, 2, 0))
    conversion = convert_custom(tmp_path / 'recordings', 'nturgbd25', 'folders', 'ratio:0.5')
    shapes = [sample['keypoint'].shape for sample in conversion.annotations]
    assert shapes == [(2, T, 25, 3)] * 3
    (line,) = [line for line in conversion.notes if '(C, T, V, M)' in line]
    assert line.startswith('hug/a and 2 more: ')
