"""Users' recordings, damaged in any way: a valid sample or one line that names the file, never anything else.

Every case of hypothesis makes 20 damaged files from one seed: 600 for each family of forms.
"""

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
from asea_mm.datasets.recordings.samples import read_recording
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton, read_layout

LAYOUT = {'name': 'stick2', 'joints': ['head', 'foot'], 'bones': [['head', 'foot']], 'mirrored': [], 'centre': 'foot'}
STICK = get_skeleton(LAYOUT)
pytestmark = pytest.mark.filterwarnings('ignore:Reading `.npy` or `.npz` file', 'error::RuntimeWarning')
fuzz = settings(
    max_examples=30, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

NUMBERS = [[1.5, 2], [3, 4]]
OWN = {'frames': [{'persons': [{'id': p, 'keypoint': NUMBERS, 'score': [1, 0.5]} for p in (1, 2)]}] * 2, 'fps': 30}
INSTANCE = {'keypoints': NUMBERS, 'keypoint_scores': [0.9, 0.8], 'bbox': [[0, 0, 1, 1]], 'track_id': 3}
MMPOSE = {'meta_info': {}, 'instance_info': [{'frame_id': i, 'instances': [INSTANCE]} for i in (1, 2)]}
COCO = [{'image_id': i, 'category_id': 1, 'keypoints': [1, 2, 0.5, 3, 4, 0.5], 'score': 1} for i in (1, 1, 2)]
OPENPOSE = {'version': 1.3, 'people': [{'person_id': [-1], 'pose_keypoints_2d': [1, 2, 0.5, 3, 4, 0.5]}] * 2}
LONG = 'frame,person,joint,x,y,z,score\n0,1,head,1,2,3,0.5\n0,1,1,1,2,3,0.5\n2,a,foot,1,2,3,1\n2,a,0,,,,0\n'
WIDE = 'frame,person,head_x,head_y,foot_x,foot_y\n0,1,1,2,3,4\n1,1,2,3,4,5\n0,2,3,4,5,6\n'

CELLS = ['', ' ', 'nan', '-inf', '1e999', '-1', '0', '1', '7', '1.5', 'x', '"', 'head', '9' * 30, '\x00', 'é', ';']
VALUES = [
    None,
    True,
    0,
    -1,
    1.5,
    1e300,
    10**400,
    float('nan'),
    float('-inf'),
    '',
    'x',
    '3.jpg',
    [[]],
    {},
    [None],
    2**63,
]
BYTES = [b'\x00', b'\xff', b'"', b',', b'\n', b'[', b'}', b'1e999', b'NaN', b'-', b'<f8', b'|O', b'(9999999999, 9)']


def damage_bytes(data, rng):
    for _ in range(rng.choice([1, 1, 2, 5])):
        start = rng.randrange(len(data) + 1)
        end = min(len(data), start + rng.choice([0, 1, 1, 4, 30]))
        data = (
            data[:start]
            + rng.choice([b'', rng.choice(BYTES), bytes([rng.randrange(256)]), data[start:end] * 2])
            + data[end:]
        )
    return data


def damage_cells(text, rng):
    rows = [line.split(',') for line in text.splitlines()]
    for _ in range(rng.choice([1, 1, 2, 5])):
        row = rng.choice(rows)
        kind = rng.randrange(5)
        if kind == 0:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
        elif kind == 1:
            row.insert(rng.randrange(len(row) + 1), rng.choice(CELLS))
        elif row:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
    return rng.choice(['\n', '\r\n']).join(','.join(row) for row in rows).encode()


def damage_tree(tree, rng):
    root = [copy.deepcopy(tree)]
    for _ in range(rng.choice([1, 1, 2, 3])):
        node, key = root, 0
        while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.85:
            node = node[key]
            key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        if rng.random() < 0.2 and node is not root:
            del node[key]
        elif isinstance(node, list) and rng.random() < 0.2:
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = copy.deepcopy(rng.choice(VALUES))
    return json.dumps(root[0]).encode()


def text_or_cells(text, rng):
    return damage_cells(text, rng) if rng.random() < 0.7 else damage_bytes(text.encode(), rng)


def text_or_tree(tree, rng):
    return damage_tree(tree, rng) if rng.random() < 0.7 else damage_bytes(json.dumps(tree).encode(), rng)


def npy(rng):
    shape = rng.choice([(2, 3, 2, 3), (3, 2, 2), (1, 2, 2, 2), (2, 2, 3), (0,), ()])
    array = np.ones(shape, rng.choice(['<f4', '<f8', '>f8', '<i4', '?', '<c8', 'S2', '<f2']))
    if array.size and array.dtype.kind == 'f':
        array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, 0, 6e4, 1e-40])
    (file := io.BytesIO()).name = 'a'
    np.save(file, array)
    return damage_bytes(file.getvalue(), rng) if rng.random() < 0.7 else file.getvalue()


def npz(rng):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as archive:
        for name in ('keypoint', 'keypoint_score', 'fps')[: rng.randrange(4)]:
            archive.writestr(f'{name}.npy', npy(rng))
    return damage_bytes(file.getvalue(), rng) if rng.random() < 0.3 else file.getvalue()


def check(path, rng):
    """Returns whether the recording was taken."""
    try:
        sample = finish_recording(read_recording(path, STICK), STICK, str(path), fill=rng.random() < 0.5).annotation(2)
        sample |= {'frame_dir': 'a', 'label': 0}
        validate_annotation(sample, 2, 1, path)
    except InputError as error:
        assert str(error).startswith(str(path))  # noqa: PT017
        assert '\n' not in str(error)  # noqa: PT017
        assert len(str(error)) < 1000  # noqa: PT017
        return False
    assert sample['keypoint'].shape[0] == 2
    assert np.isfinite(sample.get('keypoint_score', 0)).all()
    return True


def files(path, make, rng):
    for _ in range(20):
        path.write_bytes(make(rng))
        check(path, rng)


seeds = st.integers(0, 2**32 - 1).map(random.Random)


@fuzz
@given(seeds)
@example(random.Random(1534))  # a signalling NaN, which NumPy warns of
def test_arrays(tmp_path, rng):
    files(tmp_path / 'a.npy', npy, rng)
    files(tmp_path / 'a.npz', npz, rng)


@fuzz
@given(seeds)
def test_csv(tmp_path, rng):
    files(tmp_path / 'a.csv', lambda rng: text_or_cells(rng.choice([LONG, WIDE]), rng), rng)


@fuzz
@given(seeds)
def test_json(tmp_path, rng):
    forms = [OWN, MMPOSE, MMPOSE['instance_info'], COCO]
    files(tmp_path / 'a.json', lambda rng: text_or_tree(rng.choice(forms), rng), rng)


@fuzz
@given(seeds)
def test_openpose(tmp_path, rng):
    folder = tmp_path / 'video'
    folder.mkdir(exist_ok=True)
    (folder / 'v_0_keypoints.json').write_text(json.dumps(OPENPOSE))
    for _ in range(20):
        (folder / 'v_1_keypoints.json').write_bytes(text_or_tree(OPENPOSE, rng))
        check(folder, rng)


@fuzz
@given(seeds)
def test_layouts(tmp_path, rng):
    layout = tmp_path / 'layout.json'
    for _ in range(20):
        layout.write_bytes(text_or_tree(LAYOUT, rng))
        try:
            read_layout(layout)
        except InputError as error:
            assert str(layout) in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ('name', 'make'),
    [('a.npy', npy), ('a.npz', npz), ('a.csv', lambda rng: text_or_cells(WIDE, rng)),
     ('a.json', lambda rng: text_or_tree(OWN, rng))],
)  # fmt: skip
def test_the_damage_leaves_some_and_breaks_some(tmp_path, name, make):
    taken = 0
    rng = random.Random(0)
    for _ in range(300):
        (tmp_path / name).write_bytes(make(rng))
        taken += check(tmp_path / name, rng)
    assert 3 < taken < 200
