"""Users' recordings: what is wrong is one line that names the file and the place; nothing is written."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from asea_mm.datasets import load_annotations
from asea_mm.datasets.converters import convert_custom
from asea_mm.datasets.converters.custom.convert import finish_recording
from asea_mm.datasets.recordings.find import load_layout, read_recording
from asea_mm.skeletons import get_skeleton
from tests.datasets.converters.test_prepare_data import tool  # noqa: F401  (a fixture)

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
    ('csv', '', ': expected a header line .*, got an empty file'),
    ('csv', ' \n\n', ': .* got an empty file'),
    ('csv', b'\xff\xfe\x00x', ': expected a CSV file in UTF-8'),
    ('csv', 'a,b\n1,2', r", line 1: expected 'frame,person,joint.*got no column 'frame' in \['a', 'b'\]"),
    ('csv', LONG.replace(',', ';'), ", line 1: expected commas between the columns, got ';'"),
    ('csv', LONG + ',x', r", line 1: expected every column once, got \['x'\]"),
    ('csv', 'frame,joint,x,y\n', "no column 'person'"),
    ('csv', 'frame,person,joint,x\n', "no column 'y'"),
    ('csv', LONG + ',speed\n', "got the column 'speed'; remove it"),
    ('csv', LONG + '\n', ': expected at least one frame, got none'),
    ('csv', LONG + '\n0,1,head,1', ', line 2: expected 5 values as the header has, got 4'),
    ('csv', LONG + '\n0,1,head,1,2\n0,1,hed,1,2', ", line 3, column 'joint': .* got 'hed'; did you mean 'head'"),
    ('csv', LONG + '\n0,1,3,1,2', ", line 2, column 'joint': .* index below 3, got '3', e.g. 'head'"),
    ('csv', LONG + '\n0,1,head,1,2\n\n0,1,0,1,2', ", line 4: expected every joint once, .* first in line 2"),
    ('csv', LONG + '\n0.5,1,head,1,2', ", line 2, column 'frame': expected a whole number, got '0.5'"),
    ('csv', LONG + '\n,1,head,1,2', ", line 2, column 'frame': expected a whole number, got ''"),
    ('csv', LONG + '\n0,,head,1,2', ", line 2, column 'person': expected the id"),
    ('csv', LONG + '\n0,1,head,1,abc', ", line 2, column 'y': expected a number or nothing, got 'abc'"),
    ('csv', LONG + '\n0,1,head,-inf,2', ", line 2, column 'x': expected a finite number, got '-inf'"),
    ('csv', LONG + '\n0,1,head,,', ': expected at least one person in one frame, got none with a joint'),
    ('csv', LONG + '\n0,1,head,1e12,2', r": frame 0, person 1, joint 'head': expected finite coordinates"),
    ('csv', LONG + '\n0,1,head,1,2\n9999999,1,head,1,2', ': expected frame numbers of one recording'),
    ('csv', LONG + ''.join(f'\n{i},{i},head,1,2' for i in range(60)), ': expected at most 50 persons, got 60'),
    ('csv', LONG + '\n0,1,"head,1,2', ', line 2: expected comma-separated values'),
    ('csv', WIDE.replace(',hip_y', '') + '\n', ", line 1: .* got no column 'hip_y'"),
    ('csv', WIDE.replace('hip', 'hips') + '\n', ", line 1: .* got no column 'hip_x' and 1 more"),
    ('csv', WIDE + ',time\n', ", line 1: .* got the column 'time'; remove it"),
    ('csv', WIDE + ',head_z\n', ", line 1: .* got no column 'hip_z' and 1 more"),
    ('csv', WIDE + '\n0,1,1,2,3,4,x,6', ", line 2, column 'foot_x': expected a number or nothing, got 'x'"),
    ('csv', WIDE + '\n0,1,1,2,3,4,5,6\n0,1,1,2,3,4,5,6', ', line 3: person 1 is twice in frame 0, first in line 2'),
    ('json', '', ', line 1: expected JSON, got an error'),
    ('json', '{"frames": [\n1,,', ', line 2: expected JSON, got an error'),
    ('json', b'\xff\xff', ': expected JSON in UTF-8'),
    ('json', '[' * 100000, ': expected JSON'),
    ('json', '3', ': expected .*"frames".* got int 3'),
    ('json', '[]', r': expected .* got list \[\]'),
    ('json', '{"a": 1}', r": .* got an object with the keys \['a'\]"),
    ('json', '[{"keypoints": []}]', r": .* got a list of objects with the keys \['keypoints'\]"),
    ('json', '{"frames": 3}', ', frames: expected a list, got int 3'),
    ('json', '{"frames": []}', ': expected at least one frame, got none'),
    ('json', '{"frames": [{}]}', r", frames\[0\]: expected an object with 'persons', got the keys \[\]"),
    ('json', '{"frames": [3]}', r", frames\[0\]: expected an object with 'persons', got int"),
    ('json', own(), ': expected at least one person in one frame'),
    ('json', own({'id': 1}), r", frames\[0\].persons\[0\]: expected an object with 'keypoint'"),
    ('json', own({'keypoint': [[1, 2]]}), r', frames\[0\].persons\[0\].keypoint: expected 3 joints .*, got 1'),
    ('json', own({'keypoint': [[1, 2], [1, 2], [1]]}), r'.keypoint\[2\]: expected \[x, y\] or \[x, y, z\], alike'),
    ('json', own({'keypoint': [[1, 2], [1, 2], [1, '2']]}), r".keypoint\[2\]\[1\]: expected a number or null, got str"),
    ('json', own({**PERSON, 'score': [1, 1]}), r'.score: expected 3 scores, one a joint, got 2'),
    ('json', own({**PERSON, 'id': [1]}), '.id: expected an id, a whole number or a text'),
    ('json', own(PERSON, PERSON), r', frames\[0\].persons\[1\]: person 1 is twice in frame 0'),
    ('json', own(PERSON, {**PERSON, 'id': None}), r', frames\[0\].persons\[1\]: expected the id of the person'),
    ('json', own(PERSON, {'id': 2, 'keypoint': [[1, 2, 3]] * 3}), 'expected 2 coordinates as in .*, got 3'),
    ('json', own(PERSON, fps=0), ': expected fps to be a positive number, got 0'),
    ('json', own({'keypoint': [[1, 2], [1, 2], [1, 10**400]]}), r'.keypoint\[2\]: expected finite numbers'),
    ('json', coco({'keypoints': [1] * 54}), r'\[0\].keypoints: expected 9 numbers.* got 54; --layout openpose18'),
    ('json', coco({'keypoints': [1] * 75}), r'got 75; --layout body25 has as many'),
    ('json', coco({}, {'keypoints': [1, 2, True] * 3}), r'\[1\].keypoints\[2\]: expected a number or null, got bool'),
    ('json', coco({}, {'image_id': None}), r'\[1\].image_id: expected a number or a file name'),
    ('json', coco({'image_id': 'a/1.jpg'}, {'image_id': 'b/1.jpg'}), ': expected the images of one video'),
    ('json', coco({'image_id': 1}, {'image_id': 10**20}), ': expected frame numbers of one recording'),
    ('json', pose(keypoints=[[1, 2]] * 4), r', instance_info\[0\].instances\[0\].keypoints: expected 3 joints'),
    ('json', pose(keypoint_scores=3), r'.keypoint_scores: expected a list, got int 3'),
    ('json', pose().replace('"frame_id": 1', '"frame_id": "1"'), r'\[0\].frame_id: expected a whole number'),
    ('json', pose().replace('"instances"', '"people"'), r"instance_info\[0\]: expected an object with 'instances'"),
    ('json', '[{"instances": []}, {"frame_id": 0, "instances": []}]', r'\[1\].frame_id: expected every frame once'),
    ('json', '{"people": []}', ': expected OpenPose files named'),
    ('npy', b'', ': expected an array of numbers'),
    ('npy', pickle.dumps([1]), ': .* could run code'),
    ('npz', b'PK\x03\x04 and no more', ': expected arrays as numpy.savez writes them'),
]  # fmt: skip
ARRAYS = [
    (np.array([object()]), ': .* could run code'),
    (np.ones((2, 4, 3, 3), bool), ': expected keypoint to be an array of numbers, got bool'),
    (np.ones((4, 3)), r': expected an array \(frames, joints, 2 or 3\).*, got \(4, 3\)'),
    (np.ones((2, 4, 3, 4)), r'got \(2, 4, 3, 4\)'),
    (np.ones((2, 0, 3, 3)), r'got \(2, 0, 3, 3\)|empty'),
    (np.ones((2, 4, 5, 3)), ": expected 3 joints of layout 'stick3' on the axis before the last"),
    (np.ones((60, 2, 3, 3)), ': .* got 60 persons in 2 frames .*; swap the first two axes'),
    (np.zeros((2, 4, 3, 3)), ': expected at least one person in one frame, got zeros'),
    (with_value(np.nan), ": frame 2, person 1, joint 'head': expected all joints .* --fill-missing"),
    (with_value(np.inf), ": frame 2, person 1, joint 'head': expected finite coordinates and scores"),
    (with_value(1e30), ": frame 2, person 1, joint 'head': expected finite coordinates and scores"),
]
ARCHIVES = [
    ({'pose': GOOD}, r": expected an array 'keypoint' .*, got \['pose'\]"),
    ({'keypoint': GOOD, 'keypoint_score': GOOD[0, ..., 0]}, r'keypoint_score of shape \(2, 4, 3\), got \(4, 3\)'),
    ({'keypoint': GOOD, 'fps': [1, 2]}, ': expected fps to be one number'),
    ({'keypoint': GOOD, 'fps': -3}, ': expected fps to be a positive number, got -3'),
    ({'keypoint': GOOD, 'fps': 'x'}, ': expected fps to be one number'),
]  # fmt: skip


def read(path, **options):
    return finish_recording(read_recording(path, STICK), STICK, str(path), **options)


def fails(path, message):
    with pytest.raises(ValueError, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))
    assert '\n' not in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(('extension', 'text', 'message'), TEXTS)
def test_files(tmp_path, extension, text, message):
    path = tmp_path / f'a.{extension}'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    fails(path, message)


@pytest.mark.parametrize(('array', 'message'), ARRAYS)
def test_arrays(tmp_path, array, message):
    np.save(tmp_path / 'a.npy', array)
    fails(tmp_path / 'a.npy', message)


@pytest.mark.parametrize(('arrays', 'message'), ARCHIVES)
def test_archives(tmp_path, arrays, message):
    np.savez(tmp_path / 'a.npz', **arrays)
    fails(tmp_path / 'a.npz', message)


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        ({'v_1_keypoints.json': '{"people": [{}]}'}, r"people\[0\]: expected an object with 'pose_keypoints_2d'"),
        ({'v_1_keypoints.json': '{"people": 3}'}, r'v_1_keypoints.json, people: expected a list'),
        ({'v_1_keypoints.json': '{'}, 'v_1_keypoints.json, line 1: expected JSON'),
        ({'v_1_keypoints.json': '{"people": []}'}, ': expected at least one person'),
        ({f'{v}_{v}_keypoints.json': '{"people": []}' for v in '12'}, ': expected the frames of one video'),
        ({f'v_{n}_keypoints.json': '{"people": []}' for n in ('1', '01')}, 'frame 1 is also in v_01_keypoints.json'),
    ],
)
def test_openpose_folders(tmp_path, files, message):
    (folder := tmp_path / 'video').mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    fails(folder, message)


def test_a_joint_that_is_never_seen_cannot_be_filled(tmp_path):
    array = GOOD.copy()
    array[1, :, 2] = np.nan
    np.save(tmp_path / 'a.npy', array)
    with pytest.raises(ValueError, match='person 1, joint .foot.: .* and 3 more; this joint is never seen'):
        read(tmp_path / 'a.npy', fill=True)


@pytest.mark.parametrize(
    ('channels', 'options', 'message'),
    [
        (2, {'units': 'metre'}, 'expected 3 coordinates for --units metre, got 2'),
        (2, {'up': 'z'}, 'expected 3 coordinates for --up, got 2'),
        (3, {'units': 'pixel'}, 'expected 2 coordinates for --units pixel, got 3; if the third is the score'),
    ],
)
def test_units_that_do_not_fit(tmp_path, channels, options, message):
    np.save(tmp_path / 'a.npy', GOOD[..., :channels])
    with pytest.raises(ValueError, match=message):
        read(tmp_path / 'a.npy', **options)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[]', 'expected an object with name, joints and bones'),
        ('{"name": "a"}', "needs the fields"),
        ('{"name": "a", "joints": [1], "bones": []}', "'joints': expected a list of names"),
        ('{"name": "a", "joints": ["b", "c"], "bones": ["bc"]}', "'bones': expected a list of"),
        ('{"name": "a", "joints": ["b", "c"], "bones": [], "x": 1}', 'may have'),
        ('{"name": "a", "joints": ["b", "c"], "bones": []}', 'bones must form one tree'),
        ('{"name": "a", "joints": ["b"], "bones": [], "parts": {"p": 3}}', "'parts': expected"),
        ('{"name": "a", "joints": ["b"], "bones": [], "centre": "z"}', 'unknown joints'),
    ],
)  # fmt: skip
def test_layout_files(tmp_path, text, message):
    (tmp_path / 'layout.json').write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load_layout(tmp_path / 'layout.json')
    assert 'layout.json' in str(caught.value)


@pytest.fixture
def raw(tmp_path):
    (folder := tmp_path / 'raw').mkdir()
    for number in range(4):
        np.save(folder / f'r{number}.npy', np.ones((2, 3, 15, 3)) * (number + 1))
    return folder


GOOD_TABLE = 'name,label,split,subject\nr0,hug,train,1\nr1,push,train,1\nr2,hug,val,2\nr3,push,val,2\n'


@pytest.mark.parametrize(
    ('table', 'split', 'message'),
    [
        (None, 'column', 'labels.csv: no such file'),
        ('', 'column', 'labels.csv: expected a header line'),
        ('name\nr0', 'column', "labels.csv, line 1: expected the columns .* got no 'label'"),
        (GOOD_TABLE.replace('r3', 'r9'), 'column', "line 5, column 'name': expected the name of a recording, got 'r9'"),
        (GOOD_TABLE.replace('r3', 'r2'), 'column', "labels.csv, line 5: expected every recording once, got 'r2' again"),
        (GOOD_TABLE.replace('hug,val', ',val'), 'column', 'line 4: expected a class name or number, got nothing'),
        (GOOD_TABLE.replace('r1,push', 'r1,3'), 'column', 'labels.csv, line 3: .* got the number .3.; give the names'),
        (GOOD_TABLE.replace('hug', '1').replace('push', '3'), 'column', r'from 0 to 3, got none of \[0, 2\]'),
        (GOOD_TABLE.replace('push,val', 'push,vla'), 'column', "line 5, column 'split': expected one of .*got 'vla'"),
        (GOOD_TABLE.replace('train', 'val'), 'column', r"expected recordings in every split, got none in \['train'\]"),
        (GOOD_TABLE.replace('train', 'training'), 'column', "line 2, column 'split': expected one of .*got 'training'"),
        ('name,label\nr0,0\nr1,0\nr2,0\nr3,0', 'column', "expected a column 'split' or 'fold'"),
        ('name,label,fold\nr0,0,1\nr1,0,2\nr2,0,x\nr3,0,1', 'column', "line 4, column 'fold': .* got 'x'"),
        ('name,label\nr0,0\nr1,0\nr2,0\nr3,0', 'subject:1', "expected a column 'subject'"),
        (GOOD_TABLE, 'subject:1,7', r"expected subjects of the table, \['1', '2'\], got \['7'\]"),
        (GOOD_TABLE, 'subject:', 'expected the subjects to test on'),
        (GOOD_TABLE, 'subject:1,2', r"got none in \['train'\]"),
        (GOOD_TABLE.replace('train,1\nr1', 'train,\nr1'), 'subject:1', "line 2, column 'subject': expected who is in"),
        (GOOD_TABLE, 'kfold:3', 'expected at least 3 groups of subjects who share no recording, got 2'),
        (GOOD_TABLE, 'kfold:1', 'expected a number of folds from 2'),
        (GOOD_TABLE, 'ratio:1.5', 'expected a share between 0 and 1'),
        (GOOD_TABLE, 'half', '--split half: expected column, ratio:0.8, subject:3,7,9 or kfold:5'),
    ],
)  # fmt: skip
def test_labels_and_splits(tool, raw, tmp_path, capsys, table, split, message):  # noqa: F811
    if table is not None:
        (tmp_path / 'labels.csv').write_text(table)
    out = tmp_path / 'out.pkl'
    options = ['--layout', 'sbu15', '--labels', str(tmp_path / 'labels.csv'), '--split', split, '--out', str(out)]
    assert tool.main(['custom', str(raw), *options]) == 1
    printed = capsys.readouterr().err.strip()
    assert printed.startswith('error: ')
    with pytest.raises(ValueError, match=message):
        raise ValueError(printed)
    assert not out.exists()


def test_all_bad_files_are_named_and_nothing_is_written(tool, raw, tmp_path, capsys):  # noqa: F811
    (tmp_path / 'labels.csv').write_text(GOOD_TABLE)
    (raw / 'r1.npy').write_bytes(b'')
    np.save(raw / 'r2.npy', np.ones((2, 3, 14, 3)))
    for number in range(30):
        (raw / f'x{number}.csv').touch()
    out = tmp_path / 'out.pkl'
    command = ['custom', str(raw), '--layout', 'sbu15', '--labels', str(tmp_path / 'labels.csv'), '--split', 'column']
    assert tool.main([*command, '--out', str(out)]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 22
    assert lines[-2] == 'and 12 more'
    assert lines[-1] == '32 problems, nothing is written; --skip-bad leaves bad recordings out'
    assert not out.exists()

    assert tool.main([*command, '--out', str(out), '--skip-bad']) == 0
    printed = capsys.readouterr()
    assert printed.err.count('left out: ') == 32
    assert 'wrote 2 samples' in printed.out
    assert load_annotations(out)['split'] == {'train': ['r0'], 'val': ['r3']}


def test_skipping_all_is_an_error(raw, tmp_path):
    for path in raw.iterdir():
        path.write_bytes(b'')
    with pytest.raises(ValueError, match='4 problems'):
        convert_custom(raw, 'sbu15', _folders(raw), 'ratio:0.5', skip=print)


def _folders(raw):
    (table := raw.parent / 'labels.csv').write_text(GOOD_TABLE)
    return table


def test_a_line_without_its_split_is_skipped_with_its_recording(raw, tmp_path):
    (tmp_path / 'labels.csv').write_text(GOOD_TABLE.replace('push,val', 'push,?'))
    said = []
    annotations, split, _ = convert_custom(raw, 'sbu15', tmp_path / 'labels.csv', 'column', skip=said.append)
    assert [sample['frame_dir'] for sample in annotations] == ['r0', 'r1', 'r2']
    assert split == {'train': ['r0', 'r1'], 'val': ['r2']}
    assert len(said) == 1


def test_the_rarer_number_of_coordinates_is_the_wrong_one(raw, tmp_path):
    np.save(raw / 'r2.npy', np.ones((2, 3, 15, 2)))
    with pytest.raises(ValueError, match=r'r2\.npy: expected 3 coordinates as 3 other recordings have, got 2'):
        convert_custom(raw, 'sbu15', _folders(raw), 'column')


@pytest.mark.parametrize(
    ('prepare', 'message'),
    [
        (lambda raw: (raw / 'r1.csv').touch(), r'r1\.npy: expected every name once, got .*r1\.csv too'),
        (lambda raw: [path.unlink() for path in raw.iterdir()], 'raw: expected a folder of recordings .*, got none'),
        (lambda raw: (raw / 'v_1_keypoints.json').touch(), 'raw: expected a folder for each recording'),
    ],
)
def test_folders(raw, prepare, message):
    prepare(raw)
    with pytest.raises(ValueError, match=message):
        convert_custom(raw, 'sbu15', _folders(raw), 'column')


def test_no_class_folder(raw):
    with pytest.raises(ValueError, match=r'r0\.npy: expected PATH/class/recording .*, got no class folder'):
        convert_custom(raw, 'sbu15', 'folders', 'ratio:0.5')


@pytest.mark.parametrize(
    ('text', 'message'),
    [('', 'got none'), ('a\na\n', r"got \['a'\]"), (b'\xff', 'got binary data'), ('wave', 'line 2: expected one of')],
)
def test_class_files(raw, tmp_path, text, message):
    (tmp_path / 'classes.txt').write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message):
        convert_custom(raw, 'sbu15', _folders(raw), 'column', classes=tmp_path / 'classes.txt')


def test_a_folder_of_openpose_files_is_no_class(tmp_path):
    (folder := tmp_path / 'hug').mkdir()
    (folder / 'v_000000000001_keypoints.json').write_text('{"people": []}')
    with pytest.raises(ValueError, match='hug: expected PATH/class/recording .*, got the OpenPose files'):
        convert_custom(tmp_path, 'openpose18', 'folders', 'ratio:0.5')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--out', 'labels.csv'], 'expected a file that ends in .pkl or .store, got labels.csv'),
        (['--out', 'table.pkl', '--labels', 'table.pkl'], 'table.pkl is what is converted; choose another file'),
    ],
)
def test_inputs_are_not_overwritten(tool, raw, tmp_path, monkeypatch, capsys, options, message):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    for name in ('labels.csv', 'table.pkl'):
        Path(name).write_text(GOOD_TABLE)
    command = ['custom', 'raw', '--layout', 'sbu15', '--labels', 'labels.csv', '--split', 'column', *options]
    assert tool.main(command) == 1
    assert message in capsys.readouterr().err
    assert all(Path(name).read_text() == GOOD_TABLE for name in ('labels.csv', 'table.pkl'))


@pytest.mark.parametrize('argument', [{'num_person': 0}, {'units': 'mile'}, {'up': 'x'}, {'fps': 0}])
def test_arguments(raw, argument):
    with pytest.raises(ValueError, match='expected'):
        convert_custom(raw, 'sbu15', _folders(raw), 'column', **argument)
