"""Users' recordings, damaged in any way: a valid sample or one line that names the file, never anything else."""

import copy
import io
import json
import random
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asea_mm.datasets import validate_annotation
from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.reading import read_recording
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton, read_layout
from tests.datasets.ntu_files import clip_text, person

LAYOUT = {'name': 'stick2', 'joints': ['head', 'foot'], 'bones': [['head', 'foot']], 'mirrored': [], 'centre': 'foot'}
STICK = get_skeleton(LAYOUT)
pytestmark = pytest.mark.filterwarnings('ignore:Reading `.npy` or `.npz` file', 'error::RuntimeWarning')

NUMBERS = [[1.5, 2], [3, 4]]
OWN = {'frames': [{'persons': [{'id': p, 'keypoint': NUMBERS, 'score': [1, 0.5]} for p in (1, 2)]}] * 2, 'fps': 30}
INSTANCE = {'keypoints': NUMBERS, 'keypoint_scores': [0.9, 0.8], 'bbox': [[0, 0, 1, 1]], 'track_id': 3}
MMPOSE = {'meta_info': {}, 'instance_info': [{'frame_id': i, 'instances': [INSTANCE]} for i in (1, 2)]}
COCO = [{'image_id': i, 'category_id': 1, 'keypoints': [1, 2, 0.5, 3, 4, 0.5], 'score': 1} for i in (1, 1, 2)]
OPENPOSE = {'version': 1.3, 'people': [{'person_id': [-1], 'pose_keypoints_2d': [1, 2, 0.5, 3, 4, 0.5]}] * 2}
TRIPLES, QUADS = [1, 2, 0.5, 3, 4, 0.5], [1, 2, 3, 0.5, 3, 4, 5, 0.5]
CMU = {f'{i}.jpg': {'version': 'AlphaPose v0.3', 'bodies': [{'joints': TRIPLES}]} for i in (1, 2)}
TRACKS = {str(p): {str(i): [[10.0, 20, 0.5], [30, 40, 0.5]] for i in range(3)} for p in (1, 2)}
YOLO = [{'name': 'person', 'track_id': 1, 'keypoints': {'x': [1, 2], 'y': [3, 4], 'visible': [0.5, 1]}}]
AZURE = {
    'joint_names': ['HEAD', 'FOOT'],
    'frames': [
        {
            'frame_id': i,
            'timestamp_usec': 1000 * i,
            'bodies': [{'body_id': 1, 'joint_positions': [[1, 2, 3], [4, 5, 6]]}],
        }
        for i in range(3)
    ],
}
DEEPSTREAM = [
    {'batches': [{'batch_id': 0, 'frame_num': i, 'objects': [{'object_id': 1, 'pose3d': QUADS}]}]} for i in (1, 2)
]
LANDMARK = {'x': 0.25, 'y': 0.5, 'z': 0.1, 'visibility': 0.9}
MEDIAPIPE = [{'frame': i, 'pose_landmarks': [[LANDMARK, LANDMARK]]} for i in (1, 2)]
KINETICS = {'data': [{'frame_index': i, 'skeleton': [{'pose': [0.25] * 36, 'score': [0.5] * 18}]} for i in (1, 2)]}
TEXT = '0 0.5 0.5 0.1 0.2 0.25 0.5 0.9 0.75 0.5 0.9 1\n0 0.5 0.5 0.1 0.2 0.2 0.4 0.9 0.7 0.5 0.9 2\n'
SBU = '\n'.join(','.join(['1', *['0.25'] * 90]) for _ in range(2))
LONG = 'frame,person,joint,x,y,z,score\n0,1,head,1,2,3,0.5\n0,1,1,1,2,3,0.5\n2,a,foot,1,2,3,1\n2,a,0,,,,0\n'
WIDE = 'frame,person,head_x,head_y,foot_x,foot_y\n0,1,1,2,3,4\n1,1,2,3,4,5\n0,2,3,4,5,6\n'
SKELETON = clip_text((72057594037931101, person(0.0, frames=2)))

PIECES = [
    '',
    ' ',
    '\n',
    *[',', ';', '"', '[', '}', '-', '.', 'e', '1', '25', '1e999', 'nan', '-inf', '1-2', 'head'],
    '9' * 30,
]
VALUES = [None, True, 0, -1, 1.5, 1e300, 10**400, np.nan, -np.inf, '', 'x', '3.jpg', [], [[]], {}, [None], 2**63]


def damage_text(text, rng):
    """Characters, cells or lines left out, put in, replaced or twice; bytes that are no text."""
    data = text.encode() if isinstance(text, str) else text
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([0, 1, 1, 4, 30]))
        new = [rng.choice(PIECES).encode(), bytes([rng.randrange(256)]), data[start:end] * 2, b'|O', b'(9999999999, 9)']
        data = data[:start] + rng.choice(new) + data[end:]
    return data


def damage_tree(tree, rng):
    root = [copy.deepcopy(tree)]
    for _ in range(rng.choice([1, 1, 2, 3])):
        node, key = root, 0
        while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.85:
            node = node[key]
            key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        if rng.random() < 0.2 and node is not root:
            del node[key]
        else:
            node[key] = copy.deepcopy(rng.choice(VALUES))
    text = json.dumps(root[0])
    return text.encode() if rng.random() < 0.7 else damage_text(text, rng)


def npy(_, rng):
    shape = rng.choice([(2, 3, 2, 3), (3, 2, 2), (1, 2, 2, 2), (2, 2, 3), (0,), ()])
    array = np.ones(shape, rng.choice(['<f4', '<f8', '>f8', '<i4', '?', '<c8', 'S2', '<f2']))
    if array.size and array.dtype.kind == 'f':
        array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, 0, 6e4, 1e-40])
    np.save(file := io.BytesIO(), array)
    return damage_text(file.getvalue(), rng) if rng.random() < 0.7 else file.getvalue()


def npz(_, rng):
    with zipfile.ZipFile(file := io.BytesIO(), 'w') as archive:
        for name in ('keypoint', 'keypoint_score', 'fps')[: rng.randrange(4)]:
            archive.writestr(f'{name}.npy', npy(_, rng))
    return damage_text(file.getvalue(), rng) if rng.random() < 0.3 else file.getvalue()


FORMS = {
    'a.npy': (npy, [None]),
    'a.npz': (npz, [None]),
    'a.csv': (damage_text, [LONG, WIDE]),
    'a.json': (damage_tree, [OWN, MMPOSE, MMPOSE['instance_info'], COCO]),
    'b.json': (damage_tree, [CMU, TRACKS, [YOLO, YOLO], [OPENPOSE], AZURE, DEEPSTREAM, MEDIAPIPE]),
    'kinetics.json': (damage_tree, [KINETICS]),
    'a/v_1_keypoints.json': (damage_tree, [OPENPOSE]),
    'a/v_1.json': (damage_tree, [YOLO, YOLO, [INSTANCE], CMU['1.jpg']]),
    'a/v_1.txt': (damage_text, [TEXT]),
    'skeleton_pos.txt': (damage_text, [SBU]),
    'a.skeleton': (damage_text, [SKELETON]),
}
LAYOUTS = {'a.skeleton': 'nturgbd25', 'kinetics.json': 'openpose18', 'skeleton_pos.txt': 'sbu15'}


@pytest.mark.parametrize('form', FORMS)
@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=1534)  # a signalling NaN, of which NumPy warns
@example(seed=180)  # coordinates that are zero in float32
def test_damaged_files(tmp_path, form, seed):
    rng = random.Random(seed)
    damage, sources = FORMS[form]
    file = tmp_path / form
    path = tmp_path / 'a' if '/' in form else file
    file.parent.mkdir(exist_ok=True)
    skeleton = get_skeleton(LAYOUTS.get(form, LAYOUT))
    for _ in range(10):
        file.write_bytes(damage(rng.choice(sources), rng))
        try:
            recording = read_recording(path, skeleton, (720, 1280))
            fields = finish_recording(recording, skeleton, str(path), fill_missing=rng.random() < 0.5).annotation(2)
        except InputError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
            assert '\n' not in str(error)  # noqa: PT017
            assert len(str(error)) < 1000  # noqa: PT017
        else:
            validate_annotation({'frame_dir': 'a', 'label': 0, **fields}, skeleton.num_joints, 1, path)


@settings(max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_damaged_layouts(tmp_path, seed):
    (tmp_path / 'layout.json').write_bytes(damage_tree(LAYOUT, random.Random(seed)))
    try:
        read_layout(tmp_path / 'layout.json')
    except InputError as error:
        assert 'layout.json' in str(error)  # noqa: PT017
