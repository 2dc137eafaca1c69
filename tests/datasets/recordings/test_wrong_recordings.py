"""Users' recordings: what is wrong is one line that names the file and the place."""

import json
import pickle

import numpy as np
import pytest

from asea_mm.datasets.recordings.arrays import read_array
from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.reading import find_recordings, read_recording
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton

STICK = get_skeleton(dict(name='stick3', joints=['head', 'hip', 'foot'], bones=[['head', 'hip'], ['foot', 'hip']]))
GOOD = np.ones((2, 4, 3, 3))
LONG = 'frame,person,joint,x,y'
WIDE = 'frame,person,head_x,head_y,hip_x,hip_y,foot_x,foot_y'
PERSON = {'id': 1, 'keypoint': [[1, 2], [3, 4], [5, 6]]}


def own(*persons, **more):
    return json.dumps({'frames': [{'persons': list(persons)}], **more})


def coco(*results):
    return json.dumps([{'image_id': 1, 'keypoints': [1, 2, 1] * 3, **result} for result in results])


def pose(**instance):
    keypoints = {'keypoints': [[1, 2], [3, 4], [5, 6]], 'keypoint_scores': [1, 1, 1], **instance}
    return json.dumps({'instance_info': [{'frame_id': 1, 'instances': [keypoints]}]})


def with_value(value, place=(1, 2, 0, 1)):
    array = GOOD.copy()
    array[place] = value
    return array


TEXTS = [
    ('csv', '', ': .* empty file'),
    ('csv', b'\x80\x00x', ': .* UTF-8'),
    ('csv', 'a,b\n1,2', r", line 1: .* no column 'frame' in \['a', 'b'\]"),
    ('csv', LONG.replace(',', ';') + '\n0;1;head;1,5;2\n0;1;hip;1.5;2', ', line 3: expected decimal commas'),
    ('csv', LONG + ',y', ", line 1: .*'y'.* more than once"),
    ('csv', LONG + ',speed\n', "got the column 'speed'; remove it"),
    ('csv', LONG + '\n', ': expected at least one frame'),
    ('csv', LONG + '\n0,1,head,1', ', line 2: expected 5 values'),
    ('csv', LONG + '\n0,1,head,1,2\n0,1,hed,1,2', ", line 3, column 'joint': .* did you mean 'head'"),
    ('csv', LONG + '\n0,1,head,1,2\n\n0,1,0,1,2', ', line 4: expected every joint .* once .*, first in line 2'),
    ('csv', LONG + '\n0.5,1,head,1,2', ", line 2, column 'frame'"),
    ('csv', LONG + '\n0,1,head,1,abc', ", line 2, column 'y': .* got 'abc'"),
    ('csv', LONG + '\n0,1,head,,', ': expected at least one person'),
    ('csv', LONG + ',score\n0,1,head,1,2,0', ': expected at least one person .* scores of 0 or below only'),
    ('csv', LONG + '\n0,1,head,1e12,2', r": frame 0, person 1, joint 'head': expected finite"),
    ('csv', LONG + '\n0,1,head,1,2\n9999999,1,head,1,2', ': expected frame numbers of one recording'),
    ('csv', LONG + '\n0,1,"head,1,2', ', line 2: expected comma-separated values'),
    ('csv', WIDE + ',head_z\n', ", line 1: .* no column 'hip_z'"),
    ('csv', WIDE + '\n0,1,1,2,3,4,5,6\n0,1,1,2,3,4,5,6', ', line 3: .* once .*, first in line 2'),
    ('json', '{"frames": [\n1,,', ', line 2: expected JSON'),
    ('json', b'\xff\xff', ': expected JSON in UTF-8'),
    ('json', '[' * 100000, ': expected JSON'),
    ('json', '{"a": 1}', r": .* got an object with the keys \['a'\]"),
    ('json', '{"frames": []}', ': expected at least one frame'),
    ('json', '{"frames": [{}]}', r", frames\[0\]: expected an object with 'persons'"),
    ('json', own({'keypoint': [[1, 2], [1, 2], [1]]}), r'.keypoint: expected numbers of shape \(3, 2\) or \(3, 3\)'),
    ('json', own({'keypoint': [[1, 2], [1, 2], [1, '2']]}), r".keypoint\[2, 1\]: expected a number or null, got str"),
    ('json', own({**PERSON, 'score': [1, 1]}), r'.score: expected numbers of shape \(3,\)'),
    ('json', own({**PERSON, 'id': [1, 2]}), '.id: expected an id'),
    ('json', own(PERSON, PERSON), r', frames\[0\].persons\[1\]: .* person 1 again'),
    ('json', own(PERSON, {'id': 2, 'keypoint': [[1, 2, 3]] * 3}), 'expected 2 coordinates as in .*, got 3'),
    ('json', own({'keypoint': [[1, 2], [1, 2], [1, 10**400]]}), r'.keypoint: expected finite numbers'),
    ('json', coco({'keypoints': [1] * 54}), r'\[0\].keypoints: expected 9 numbers.* --layout openpose18'),
    ('json', coco({'image_id': 'a/1.jpg'}, {'image_id': 'b/1.jpg'}), ': expected the images of one video'),
    ('json', pose(keypoints=[[1, 2]] * 4), r', instance_info\[0\].instances\[0\].keypoints: .* got \(4, 2\)'),
    ('json', pose().replace('"frame_id": 1', '"frame_id": "1"'), r'\[0\].frame_id: .* a whole number'),
    ('json', '[{"instances": []}, {"frame_id": 0, "instances": []}]', r'\[1\].frame_id: expected every frame once'),
    ('json', '{"people": []}', ': expected a recording, not one frame'),
    ('json', '{"1": {"0": [[1, 2, 1]]}}', r", \['1'\]\['0'\]: expected numbers of shape"),
    ('json', '{"a.jpg": []}', r": expected one of these forms"),
    ('json', '{"joint_names": [], "frames": [3]}', r', frames\[0\]: expected an object'),
    ('json', '[{"batches": [{"frame_num": 0.5}]}]', r'.frame_num: expected a whole number'),
    ('json', '[{"pose_landmarks": [[7]]}]', r'.pose_landmarks\[0\]\[0\]: expected a landmark'),
    ('json', '{"data": []}', ': expected the layout .*18 joints'),
    ('npy', pickle.dumps([1]), ': .* could run code'),
    ('npz', b'PK\x03\x04 and no more', ': expected arrays'),
]  # fmt: skip
ARRAYS = [
    (np.ones((2, 4, 3, 3), bool), r': .* array of numbers, got .*bool'),
    (np.ones((4, 3)), r': .* got shape \(4, 3\)'),
    (np.ones((2, 0, 3, 3)), r'got shape \(2, 0, 3, 3\)|empty'),
    (np.ones((2, 4, 5, 3)), ": expected 3 joints of layout 'stick3'"),
    (np.ones((60, 2, 3, 3)), r': .* got 60 persons in 2 frames; likely \(T, M, V, C\)'),
    (np.zeros((2, 4, 3, 3)), ': expected at least one person'),
    (with_value(np.nan), ": frame 2, person 1, joint 'head': .* --fill-missing"),
    (with_value(np.inf), ": frame 2, person 1, joint 'head': expected finite"),
    (with_value(1001), ": frame 2, person 1, joint 'head': expected finite .* 1 km"),
]
ARCHIVES = [
    ({'keypoint': np.array([object()])}, ': .* could run code'),
    ({'pose': GOOD}, r": expected an array 'keypoint' .*, got \['pose'\]"),
    ({'keypoint': GOOD, 'keypoint_score': GOOD[0, ..., 0]}, r'keypoint_score of shape \(2, 4, 3\), got \(4, 3\)'),
    *(({'keypoint': GOOD, 'fps': fps}, ': expected fps to be a positive number') for fps in ([1, 2], -3, 'x')),
]  # fmt: skip
OPENPOSE = [
    ({'v_1': '{"people": [{}]}'}, r"v_1_keypoints.json, people\[0\]: expected an object with 'pose_keypoints_2d'"),
    ({'v_1': '{"people": 3}'}, r'v_1_keypoints.json, people: expected a list'),
    ({'1_1': '{"people": []}', '2_2': '{"people": []}'}, ': expected the frames of one video'),
    ({'v_1': '{"people": []}', 'v_01': '{"people": []}'}, 'frame 1 is also in v_01_keypoints.json'),
]


def read(path, **options):
    return finish_recording(read_recording(path, STICK), STICK, str(path), **options).annotation(2)


def fails(path, message):
    with pytest.raises(InputError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('extension', 'text', 'message'), TEXTS)
def test_files(tmp_path, extension, text, message):
    path = tmp_path / f'a.{extension}'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    fails(path, message)


@pytest.mark.parametrize(('array', 'message'), ARRAYS)
def test_arrays_in_files_and_in_memory(tmp_path, array, message):
    np.save(tmp_path / 'a.npy', array)
    fails(tmp_path / 'a.npy', message)
    with pytest.raises(InputError, match=message):
        finish_recording(read_array(array, STICK), STICK, 'input')


@pytest.mark.parametrize(('arrays', 'message'), ARCHIVES)
def test_archives(tmp_path, arrays, message):
    np.savez(tmp_path / 'a.npz', **arrays)
    fails(tmp_path / 'a.npz', message)


@pytest.mark.parametrize(('files', 'message'), OPENPOSE)
def test_openpose_folders(tmp_path, files, message):
    (folder := tmp_path / 'video').mkdir()
    for name, text in files.items():
        (folder / f'{name}_keypoints.json').write_text(text)
    fails(folder, message)


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['r1.npy', 'r1.csv'], r'r1\.npy: expected every name once, got .*r1\.csv too'),
        (['notes.txt'], 'raw: expected a folder of recordings .*, got none'),
        (['v_1_keypoints.json'], 'raw: expected a folder for each recording'),
    ],
)
def test_folders(tmp_path, names, message):
    (folder := tmp_path / 'raw').mkdir()
    for name in names:
        (folder / name).touch()
    with pytest.raises(InputError, match=message):
        find_recordings(folder)


def test_a_person_who_is_not_chosen_may_have_gaps():
    keypoint = np.ones((3, 6, 3, 3)) * np.arange(1.0, 4)[:, None] + np.array([0, 0.5, 90])[:, None, None, None]
    keypoint[2, 1, 0] = np.nan
    sample = finish_recording(read_array(keypoint, STICK), STICK, 'input')
    assert sample.likeliest == (0, 1)
    assert sample.keypoint.any(axis=(2, 3)).tolist() == [[True] * 6, [True] * 6, [True, False, *[True] * 4]]


@pytest.mark.parametrize(
    ('array', 'options', 'message'),
    [
        (GOOD[..., :2], {'units': 'metre'}, 'expected 3 coordinates for --units metre, got 2'),
        (GOOD[..., :2], {'up': 'z'}, 'expected 3 coordinates for --up, got 2'),
        (GOOD, {'units': 'pixel'}, 'expected 2 coordinates for --units pixel, got 3; if the third is the score'),
        (with_value(np.nan, (1, slice(None), 2)), {'fill_missing': True}, '3 more; this joint is never seen'),
    ],
)
def test_options_that_do_not_fit(array, options, message):
    with pytest.raises(InputError, match=message):
        finish_recording(read_array(array, STICK), STICK, 'input', **options)


def test_an_array_whose_scores_are_all_zero(tmp_path):
    np.savez(tmp_path / 'x.npz', keypoint=GOOD[..., :2], keypoint_score=np.zeros(GOOD.shape[:3]))
    with pytest.raises(InputError, match='x.npz: expected at least one person .* scores of 0 or below only'):
        finish_recording(read_recording(tmp_path / 'x.npz', STICK), STICK, 'x.npz')
