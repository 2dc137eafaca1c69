"""K3HI converter: files by hand, every wrong one, and the real data where ASEA_K3HI_ROOT points to it."""

import os
from collections import Counter

import numpy as np
import pytest
from scipy.io import savemat

from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.check import check_annotations
from asea_mm.datasets.converters import convert_k3hi
from asea_mm.datasets.converters.k3hi.convert import JOINTS, read_k3hi_skeleton
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton

FRAMES = 3
CURVE = np.random.default_rng(0).uniform(0.2, 0.8, size=(3, len(JOINTS), FRAMES))


def write_k3hi(root, name, curve=CURVE):
    """Both persons of a clip, B's values one greater than A's; returns A's file."""
    folder = root / 'Skeletons' / name
    folder.mkdir(parents=True)
    for person, more in (('B', 1), ('A', 0)):
        file = folder / f'skeleton_{person}.mat'
        savemat(file, {'curve_B': (curve + more).reshape(-1, curve.shape[-1])})
    return file


def line(name, order):
    return ' '.join(f'Skeletons/{name}/skeleton_{person}.mat' for person in order)


def test_joints_are_sorted_and_in_metres_with_y_up(tmp_path):
    keypoint = read_k3hi_skeleton(write_k3hi(tmp_path, 'kicking/1'))
    assert (keypoint.shape, keypoint.dtype) == ((FRAMES, 15, 3), np.float32)
    for number, joint in enumerate(JOINTS):
        x, y, z = CURVE[:, number]
        metres = np.stack([1280 - 2560 * x, 960 - 1920 * y, 1280 * z], axis=-1) / 1000
        np.testing.assert_allclose(keypoint[:, get_skeleton('sbu15').joints.index(joint)], metres, atol=1e-6)


def test_persons_who_acts_and_folds(tmp_path):
    clips = {'approaching/1': 1, 'approaching/41': 5, 'shaking/5': 1, 'shaking/6': 2, 'pointing/20': 2}
    for name in clips:
        write_k3hi(tmp_path, name)
    (tmp_path / 'Train.txt').write_text(line('approaching/1', 'BA') + '\n' + line('shaking/6', 'AB') + '\n\n')
    (tmp_path / 'Test.txt').write_text(line('pointing/20', 'BA').replace('/', '\\') + '\r\n')
    k3hi = convert_k3hi(tmp_path)
    samples = {sample['frame_dir']: sample for sample in k3hi.annotations}
    names = {name: '{}_{:0>2}'.format(*name.split('/')) for name in clips}
    assert set(samples) == set(names.values())
    for name, fold in clips.items():
        for other in range(1, 6):
            assert (names[name] in k3hi.split[f'fold{other}_val']) == (fold == other)
            assert (names[name] in k3hi.split[f'fold{other}_train']) == (fold != other)
    acting = {name: sample.get('acting') for name, sample in samples.items()}
    known = {'approaching_01': 1, 'shaking_06': 0, 'pointing_20': 1}
    assert acting == {name: known.get(name) for name in samples}
    first, second = samples['shaking_05']['keypoint']
    np.testing.assert_allclose((second - first)[0, 0], [-2.56, -1.92, 1.28], rtol=1e-5)
    assert k3hi.meta['classes'][samples['shaking_05']['label']] == 'shaking hands'


@pytest.mark.parametrize(
    ('content', 'got'),
    [
        ({'curve_B': np.ones((44, 5))}, '44'),
        ({'curve_B': np.ones((45, 0))}, 'shape'),
        ({'curve_B': np.full((45, 5), np.nan)}, 'NaN'),
        ({'curve_A': np.ones((45, 5))}, 'curve_B'),
        ({'curve_B': 'text'}, 'curve_B'),
        (b'MATLAB 5.0 MAT-file' + bytes(200), 'error'),
        (b'', 'error'),
    ],
)
def test_wrong_files(tmp_path, content, got):
    file = tmp_path / 'skeleton_A.mat'
    if isinstance(content, dict):
        savemat(file, content)
    else:
        file.write_bytes(content)
    with pytest.raises(InputError, match=got) as error:
        read_k3hi_skeleton(file)
    assert str(file) in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize('name', ['waving/1', 'kicking/52', 'kicking/0', 'kicking/first'])
def test_wrong_folders(tmp_path, name):
    write_k3hi(tmp_path, 'kicking/1')
    file = write_k3hi(tmp_path, name)
    with pytest.raises(InputError, match='expected a clip of') as error:
        convert_k3hi(tmp_path)
    assert str(file.parent) in str(error.value)


@pytest.mark.parametrize('text', ['Skeletons/kicking/1/skeleton_A.mat', line('kicking/1', 'AA'), 'a b c'])
def test_wrong_lists(tmp_path, text):
    write_k3hi(tmp_path, 'kicking/1')
    (tmp_path / 'Train.txt').write_text(f'{line("kicking/1", "AB")}\n{text}\n')
    with pytest.raises(InputError, match=r'Train.txt, line 2: expected'):
        convert_k3hi(tmp_path)


def test_persons_of_different_lengths(tmp_path):
    file = write_k3hi(tmp_path, 'kicking/1')
    write_k3hi(tmp_path, 'kicking/2')
    savemat(file, {'curve_B': np.ones((45, FRAMES + 1))})
    conversion = convert_k3hi(tmp_path, skip_bad=True)
    assert [sample['frame_dir'] for sample in conversion.annotations] == ['kicking_02']
    assert 'got 4 and 3' in conversion.problems[0]


def test_no_clip(tmp_path):
    with pytest.raises(InputError, match='got no clip'):
        convert_k3hi(tmp_path)


def test_real_data(tmp_path):
    if not (root := os.environ.get('ASEA_K3HI_ROOT')):
        pytest.skip('set ASEA_K3HI_ROOT to the folder of K3HI')
    k3hi = convert_k3hi(root)
    save_annotations(tmp_path / 'k3hi.pkl', k3hi.annotations, k3hi.split, k3hi.meta)
    samples = load_annotations(tmp_path / 'k3hi.pkl')['annotations']
    assert check_annotations(tmp_path / 'k3hi.pkl').level('error') == []
    assert len(samples) == 312
    assert [len(k3hi.split[f'fold{fold}_val']) for fold in range(1, 6)] == [67, 63, 61, 61, 60]
    labels = Counter(k3hi.meta['classes'][sample['label']] for sample in samples)
    assert (labels['kicking'], labels['pointing'], labels['shaking hands']) == (51, 49, 22)
    assert sum('acting' in sample for sample in samples) == 264
    lengths = [sample['total_frames'] for sample in samples]
    assert (min(lengths), np.median(lengths), max(lengths)) == (18, 42, 104)

    # bodies keep their lengths when they turn: the units of all three axes are right
    children, parents = np.array(get_skeleton('sbu15').bone_indices).T
    bones = [sample['keypoint'][:, :, children] - sample['keypoint'][:, :, parents] for sample in samples]

    def unsteadiness(scale):
        lengths = [np.linalg.norm(vectors * scale, axis=-1) for vectors in bones]
        return np.mean([np.median(length.std(axis=1) / length.mean(axis=1)) for length in lengths])

    assert unsteadiness([1, 1, 1]) < 0.03
    assert all(unsteadiness(scale) > 1.2 * unsteadiness([1, 1, 1]) for scale in ([0.8, 1, 1], [1, 0.8, 1], [1, 1, 0.8]))
