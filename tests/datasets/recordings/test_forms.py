"""Users' recordings: one recording of every form, against values set by hand."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.reading import find_recordings, read_recording
from asea_mm.datasets.recordings.samples import read_samples
from asea_mm.datasets.recordings.sbu_text import read_sbu_skeleton
from asea_mm.skeletons import SKELETONS, get_skeleton

STICK = get_skeleton(dict(name='stick3', joints=['head', 'hip', 'foot'], bones=[['head', 'hip'], ['foot', 'hip']]))
# Persons 1 and 2 over three frames; person 2 is absent in frame 1. x = 10 * person + frame, y = joint + 1.
SPACE = np.array(
    [[[[10 * person + frame, joint + 1, 0.5] for joint in range(3)] for frame in range(3)] for person in (1, 2)], float
)
SPACE[1, 1] = 0
IMAGE = SPACE[..., :2].copy()
SCORE = np.where(IMAGE.any(axis=-1), 0.5, 0.0)


def finished(path, layout=STICK, num_person=2, **options):
    recording = read_recording(path, layout)
    return finish_recording(recording, layout, str(path), num_person, **options).annotation(num_person)


def bodies_of(keypoint):
    """Frame, person and joints of everybody who is there."""
    persons, frames = range(len(keypoint)), range(keypoint.shape[1])
    return [(t, p, keypoint[p, t]) for t in frames for p in persons if keypoint[p, t].any()]


def write_npy(path, keypoint):
    np.save(path := path / 'a.npy', keypoint)
    return path


def write_npz(path, keypoint):
    np.savez(path := path / 'a.npz', keypoint=keypoint.astype(np.float32))
    return path


def write_long(path, keypoint):
    lines = [['frame', 'person', 'joint', *'xyz'[: keypoint.shape[-1]]]]
    for frame, person, body in bodies_of(keypoint):
        for joint, values in enumerate(body):
            name = STICK.joints[joint] if frame else joint  # names and indices
            lines.append([frame + 7, f'p{person}', name, *values])
    (path := path / 'a.csv').write_text('\n'.join(','.join(map(str, line)) for line in lines))
    return path


def write_wide(path, keypoint):
    order = [2, 0, 1]  # of columns does not matter
    columns = [f'{STICK.joints[joint]}_{axis}' for joint in order for axis in 'xyz'[: keypoint.shape[-1]]]
    lines = [[*columns, 'person', 'frame']]
    lines += [[*body[order].ravel(), person, frame] for frame, person, body in bodies_of(keypoint)]
    text = '\r\n'.join(','.join(map(str, line)) for line in lines)
    (path := path / 'a.csv').write_bytes(f'\ufeff{text}\r\n\r\n'.encode())
    return path


def write_json(path, content):
    (path := path / 'a.json').write_text(json.dumps(content))
    return path


def write_own(path, keypoint):
    frames = [{'persons': []} for _ in range(keypoint.shape[1])]
    for frame, person, body in bodies_of(keypoint):
        frames[frame]['persons'].append({'keypoint': body.tolist(), 'id': person})
    return write_json(path, {'frames': frames})


def write_mmpose(path, keypoint, whole=True):
    info = [{'frame_id': frame + 1, 'instances': []} for frame in range(keypoint.shape[1])]
    for frame, person, body in bodies_of(keypoint):
        pose = {'keypoints': body.tolist(), 'keypoint_scores': [0.5] * 3, 'track_id': person}
        info[frame]['instances'].append(pose)
    return write_json(path, {'meta_info': {'any': 1}, 'instance_info': info} if whole else info)


def write_mmpose_list(path, keypoint):
    return write_mmpose(path, keypoint, whole=False)


def triples(body):
    return np.insert(body, 2, 0.5, axis=1).ravel().tolist()


def write_coco(path, keypoint):
    results = [
        {'image_id': 100 + 5 * frame, 'category_id': 1, 'keypoints': triples(body), 'score': 1, 'track_id': person}
        for frame, person, body in sorted(bodies_of(keypoint), key=lambda body: -body[0])  # frames in any order
    ]
    return write_json(path, results)


def write_coco_names(path, keypoint):
    results = json.loads(write_coco(path, keypoint).read_text())
    return write_json(path, [{**result, 'image_id': f'video2/img_{result["image_id"]:06d}.jpg'} for result in results])


def write_openpose(path, keypoint):
    (path := path / 'a').mkdir()
    for frame in range(keypoint.shape[1]):
        bodies = [(person, body) for time, person, body in bodies_of(keypoint) if time == frame]
        people = [{'person_id': [person], 'pose_keypoints_2d': triples(body)} for person, body in bodies]
        (path / f'my_video_{frame:012d}_keypoints.json').write_text(json.dumps({'version': 1.3, 'people': people}))
    return path


SPATIAL = [write_npy, write_npz, write_long, write_wide, write_own, write_mmpose, write_mmpose_list]
FLAT = [*SPATIAL, write_coco, write_coco_names, write_openpose]


@pytest.mark.parametrize('write', SPATIAL)
def test_space(tmp_path, write):
    sample = finished(write(tmp_path, SPACE))
    np.testing.assert_array_equal(sample['keypoint'], SPACE.astype(np.float32))
    assert sample['keypoint'].dtype == np.float32
    assert sample['total_frames'] == 3
    assert ('keypoint_score' in sample) == ('mmpose' in write.__name__)


@pytest.mark.parametrize('write', FLAT)
def test_image(tmp_path, write):
    sample = finished(write(tmp_path, IMAGE))
    np.testing.assert_array_equal(sample['keypoint'], IMAGE.astype(np.float32))
    without = write in (write_npy, write_npz, write_long, write_wide, write_own)
    np.testing.assert_array_equal(sample['keypoint_score'], 2 * SCORE if without else SCORE)


def test_one_person_is_padded(tmp_path):
    np.save(tmp_path / 'a.npy', SPACE[0])
    keypoint = finished(tmp_path / 'a.npy', num_person=3)['keypoint']
    assert keypoint.shape == (3, 3, 3, 3)
    np.testing.assert_array_equal(keypoint[0], SPACE[0].astype(np.float32))
    assert not keypoint[1:].any()


def test_scores_and_rate_of_npz(tmp_path):
    np.savez(tmp_path / 'a.npz', keypoint=IMAGE[0], keypoint_score=[[0.5, 0, 1], [1, 1, -0.5], [1, 1, np.nan]], fps=25)
    sample = finished(tmp_path / 'a.npz', num_person=1)
    assert sample['fps'] == 25
    np.testing.assert_array_equal(sample['keypoint_score'][0], [[0.5, 0, 1], [1, 1, 0], [1, 1, 0]])
    assert not sample['keypoint'][0, [0, 1, 2], [1, 2, 2]].any()
    np.testing.assert_array_equal(sample['keypoint'][0, 0, [0, 2]], IMAGE[0, 0, [0, 2]])


@pytest.mark.parametrize('form', ['long', 'wide', 'json'])
def test_missing_joints_in_an_image(tmp_path, form):
    texts = {
        'long': 'frame,person,joint,x,y,score\n0,1,head,1,2,0.25\n0,1,hip,,,\n0,1,foot,5,6,0\n',
        'wide': 'frame,person,head_x,head_y,head_score,hip_x,hip_y,hip_score,foot_x,foot_y,foot_score\n'
        '0,1,1,2,0.25,3,,1,5,6,0\n',
        'json': json.dumps(
            {'frames': [{'persons': [{'keypoint': [[1, 2], [None, 4], [5, 6]], 'score': [0.25, 1, 0]}]}], 'fps': 30}
        ),
    }
    path = tmp_path / ('a.json' if form == 'json' else 'a.csv')
    path.write_text(texts[form])
    sample = finished(path, num_person=1)
    np.testing.assert_array_equal(sample['keypoint'][0, 0], [[1, 2], [0, 0], [0, 0]])
    np.testing.assert_array_equal(sample['keypoint_score'][0, 0], [0.25, 0, 0])


def test_missing_joints_in_space_are_an_error_unless_filled(tmp_path):
    keypoint = np.ones((1, 5, 3, 3)) * np.arange(1, 6)[:, None, None]
    keypoint[0, [1, 2, 4], 2] = np.nan
    np.save(tmp_path / 'a.npy', keypoint)
    expected = r"a\.npy: frame 1, person 0, joint 'foot': .* 2 more; --fill-missing interpolates in time"
    with pytest.raises(ValueError, match=expected):
        finished(tmp_path / 'a.npy')
    filled = finished(tmp_path / 'a.npy', fill_missing=True)['keypoint'][0, :, 2, 0]
    np.testing.assert_allclose(filled, [1, 2, 3, 4, 4])  # at the end the last one holds
    keypoint[0, 1] = 0
    np.save(tmp_path / 'a.npy', keypoint)
    filled = finished(tmp_path / 'a.npy', fill_missing=True)['keypoint'][0, :, 2, 0]
    np.testing.assert_allclose(filled, [1, 0, 3, 4, 4])  # who is absent stays absent


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({}, [1, 2, 3]),
        ({'units': 'millimetre'}, [0.001, 0.002, 0.003]),
        ({'units': 'centimetre', 'up': 'y'}, [0.01, 0.02, 0.03]),
        ({'up': 'z'}, [1, 3, -2]),  # x right, y forward, z up
        ({'up': '-y'}, [1, -2, -3]),  # x right, y down, z forward
    ],
)
def test_units_and_axes(tmp_path, options, expected):
    np.save(tmp_path / 'a.npy', np.broadcast_to([1.0, 2, 3], (2, 3, 3)))
    sample = finished(tmp_path / 'a.npy', **options)
    np.testing.assert_allclose(sample['keypoint'][0, 0, 0], expected, rtol=1e-6)


LOST = [(0, 1), (0, 1), (-1, 1), (-1, 1), (0, -1), (0, -1)]  # ids of two persons in every frame; -1 is not tracked


def json_of(bodies):
    return json.dumps([
        {'instances': [{'keypoints': body.tolist(), 'track_id': float(name)} for name, body in frame.items()]}
        for frame in bodies
    ])  # fmt: skip


def csv_of(bodies):
    columns = [f'{joint}_{axis}' for joint in STICK.joints for axis in 'xy']
    lines = [[number, name, *body.ravel()] for number, frame in enumerate(bodies) for name, body in frame.items()]
    return '\n'.join(','.join(map(str, line)) for line in [['frame', 'person', *columns], *lines])


@pytest.mark.parametrize(('suffix', 'text_of'), [('json', json_of), ('csv', csv_of)])
def test_where_the_tracker_loses_somebody_all_are_linked(tmp_path, suffix, text_of):
    stick = np.array([[0.0, 0], [0, 5], [0, 10]])
    bodies = [{first: stick + [10, 1], second: stick + [90, 1]} for first, second in LOST]
    (tmp_path / f'a.{suffix}').write_text(text_of(bodies))
    keypoint = finished(tmp_path / f'a.{suffix}')['keypoint']
    assert keypoint[:, :, 0, 0].tolist() == [[10.0] * 6, [90.0] * 6]


@pytest.mark.parametrize(('layout', 'joints'), [('openpose18', 18), ('body25', 25)])
def test_openpose_without_ids(tmp_path, layout, joints):
    (folder := tmp_path / 'hug').mkdir()
    people = [
        {'person_id': [-1], 'pose_keypoints_2d': [x, 50, 0.8] + [x + 9, 90, 0.8] * (joints - 1)} for x in (10, 90)
    ]
    for frame, shown in enumerate([people, [], people[::-1]]):
        (folder / f'v_{frame:012d}_keypoints.json').write_text(json.dumps({'people': shown}))
    sample = finished(folder, SKELETONS[layout])
    np.testing.assert_array_equal(sample['keypoint'][:, :, 0, 0], [[10, 0, 10], [90, 0, 90]])
    assert sample['keypoint_score'].shape == (2, 3, joints)


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path):
    (tmp_path / 'root').mkdir()
    (tmp_path / 'elsewhere').mkdir()
    write_npy(tmp_path / 'elsewhere', SPACE)
    (tmp_path / 'root' / 'hug').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'elsewhere' / 'up').symlink_to(tmp_path / 'root')
    assert list(find_recordings(tmp_path / 'root')) == ['hug/a']


def test_real_recordings_are_read_as_the_converter_reads_them(tmp_path):
    if not (root := os.environ.get('ASEA_SBU_ROOT')):
        pytest.skip('set ASEA_SBU_ROOT to the folder of SBU Kinect Interaction v2 (clean)')
    for file in sorted(Path(root).rglob('skeleton_pos.txt'))[::60]:
        expected = read_sbu_skeleton(file)
        x, y, z = np.moveaxis(1000 * expected.astype(float), -1, 0)
        np.savez(tmp_path / 'a.npz', keypoint=np.stack([x, -z, y], axis=-1))
        axes = dict(units='millimetre', up='z')
        (sample,) = read_samples(tmp_path / 'a.npz', SKELETONS['sbu15'], axes=axes)
        np.testing.assert_allclose(sample.keypoint, expected, rtol=0, atol=1e-6)
        assert sample.likeliest == (0, 1)
