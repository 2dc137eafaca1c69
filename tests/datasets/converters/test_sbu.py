"""SBU converter: both trees by hand, every wrong line, and the real data where ASEA_SBU_ROOT points to it."""

import os
from collections import Counter

import numpy as np
import pytest

from asea_mm.datasets import InteractionPoseDataset, save_annotations, validate_annotation
from asea_mm.datasets.converters import convert_sbu
from asea_mm.datasets.converters.sbu.convert import FOLD_SETS, FOLD_SIZES, read_sbu_skeleton

GOOD = ','.join(['1', *(['0.5', '0.25', '2.0'] * 15), *(['0.25', '0.75', '1.5'] * 15)])


def write(root, name, text=GOOD):
    file = root / name / 'skeleton_pos.txt'
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_metres_with_y_up(tmp_path):
    keypoint = read_sbu_skeleton(write(tmp_path, 'a', GOOD + '\n' + GOOD))
    assert keypoint.shape == (2, 2, 15, 3)
    assert keypoint.dtype == np.float32
    # x_mm = 1280 - 2560 x, y_mm = 960 - 1920 y, z_mm = 1280 z
    np.testing.assert_allclose(keypoint[0], np.broadcast_to([0.0, 0.48, 2.56], (2, 15, 3)), atol=1e-6)
    np.testing.assert_allclose(keypoint[1], np.broadcast_to([0.64, -0.48, 1.92], (2, 15, 3)), atol=1e-6)


def test_joint_order(tmp_path):
    values = np.arange(90) / 100
    keypoint = read_sbu_skeleton(write(tmp_path, 'a', '7,' + ','.join(map(str, values))))
    np.testing.assert_allclose(keypoint[..., 2].reshape(2, 15), values.reshape(2, 15, 3)[..., 2] * 1.28, rtol=1e-6)


@pytest.mark.parametrize(
    'text',
    [GOOD, GOOD + '\n', GOOD + '\r\n', GOOD + '\n\n  \n', GOOD.replace(',', ', ') + ' \n', '\ufeff' + GOOD],
)
def test_harmless_blanks(tmp_path, text):
    assert read_sbu_skeleton(write(tmp_path, 'a', text)).shape == (2, 1, 15, 3)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', ': expected one line of 91 values per frame, got an empty file'),
        (' \n\n', ': .* got an empty file'),
        (GOOD + '\n' + GOOD.rsplit(',', 1)[0], r', line 2: expected 91 comma-separated values .*, got 90'),
        (GOOD + '\n' + GOOD[:40], r', line 2: expected 91 comma-separated values'),
        (GOOD + ',1\n' + GOOD, ', line 1: .* got 92'),
        (GOOD + '\n\n' + GOOD, ', line 2: .* got 1'),
        (GOOD.replace('0.25', 'abc', 1), ", line 1, value 3: expected a number, got 'abc'"),
        (GOOD.replace('0.25', '', 1), ", line 1, value 3: expected a number, got ''"),
        (GOOD + '\n' + GOOD.replace('0.5', 'NaN', 1), ", line 2, value 2: expected a finite number, got 'NaN'"),
        (GOOD.replace('2.0', 'inf', 1), ", line 1, value 4: expected a finite number, got 'inf'"),
        (b'\x80\xff\x00', ': expected a text file of comma-separated numbers, got binary data'),
    ],
)
def test_wrong_lines(tmp_path, text, message):
    file = write(tmp_path, 'a', text)
    with pytest.raises(ValueError, match=f'^{file}{message}') as error:
        read_sbu_skeleton(file)
    assert error.value.__cause__ is None


def test_official_tree(tmp_path):
    for name in ('s01s02/01/001', 's01s02/08/002', 's06s03/04/001', 's02s01/05/001', '.hidden/01/001', '__MACOSX/x'):
        write(tmp_path, name)
    (tmp_path / 's01s02.zip').touch()
    annotations, split, meta = convert_sbu(tmp_path)
    found = {item['frame_dir']: item['label'] for item in annotations}
    assert found == {'s01s02_01_001': 0, 's01s02_08_002': 7, 's06s03_04_001': 3, 's02s01_05_001': 4}
    assert split['fold1_val'] == ['s01s02_01_001', 's01s02_08_002']
    assert split['fold5_val'] == ['s06s03_04_001']
    assert split['fold4_val'] == ['s02s01_05_001']
    assert split['fold2_val'] == []
    assert set(split['fold1_train']) == {'s06s03_04_001', 's02s01_05_001'}
    assert (meta['layout'], meta['units'], meta['classes'][4]) == ('sbu15', 'metre', 'shaking hands')


def test_fold_tree(tmp_path):
    for name in ('fold1/01/001', 'fold5/08/012'):
        write(tmp_path, name)
    annotations, split, _ = convert_sbu(str(tmp_path))
    assert [item['frame_dir'] for item in annotations] == ['fold1_01_001', 'fold5_08_012']
    assert split['fold1_val'] == split['fold5_train'] == ['fold1_01_001']
    assert split['fold5_val'] == split['fold1_train'] == ['fold5_08_012']


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['fold1/01/001', 'fold6/01/001'], "unknown fold folder 'fold6'; expected one of"),
        (['s01s02/01/001', 's01s09/01/001'], "unknown set folder 's01s09'"),
        (['fold1/09/001'], "unknown class folder '09'"),
        (['fold1/push/001'], "unknown class folder 'push'"),
        (['fold1/01/first'], "unknown sequence folder 'first'"),
        (['fold1/01/001', 's01s02/01/001'], 'got both'),
        (['other/01/001'], r"got neither: \['other'\]"),
        ([], 'got neither: no folders'),
    ],
)
def test_wrong_trees(tmp_path, names, message):
    for name in names:
        write(tmp_path, name)
    with pytest.raises(ValueError, match=message) as error:
        convert_sbu(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_missing_parts(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere: no such folder'):
        convert_sbu(tmp_path / 'nowhere')
    (tmp_path / 'fold1').mkdir()
    with pytest.raises(ValueError, match='without any sequence'):
        convert_sbu(tmp_path)
    (tmp_path / 'fold1/01/001').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match='skeleton_pos.txt: no such file'):
        convert_sbu(tmp_path)


def test_sets_of_the_folds():
    sets = [name for names in FOLD_SETS.values() for name in names]
    assert len(sets) == len(set(sets)) == 21


@pytest.fixture(scope='module')
def real():
    root = os.environ.get('ASEA_SBU_ROOT')
    if not root:
        pytest.skip('set ASEA_SBU_ROOT to the folder of SBU Kinect Interaction v2 (clean)')
    return convert_sbu(root)


def test_real_counts(real):
    annotations, split, meta = real
    assert len(annotations) == 282
    assert [len(split[f'fold{fold}_val']) for fold in FOLD_SIZES] == list(FOLD_SIZES.values()) == [55, 52, 56, 54, 65]
    labels = Counter(item['label'] for item in annotations)
    assert [labels[label] for label in range(8)] == [42, 43, 40, 41, 18, 21, 39, 38]
    lengths = [item['total_frames'] for item in annotations]
    assert (min(lengths), np.median(lengths), max(lengths)) == (10, 23, 46)
    for item in annotations:
        validate_annotation(item, 15, len(meta['classes']), 'sbu')


def test_real_folds_partition(real):
    annotations, split, _ = real
    everything = {item['frame_dir'] for item in annotations}
    tested = [sample_id for fold in FOLD_SIZES for sample_id in split[f'fold{fold}_val']]
    assert len(tested) == len(everything)
    assert set(tested) == everything
    for fold in FOLD_SIZES:
        assert set(split[f'fold{fold}_train']) == everything - set(split[f'fold{fold}_val'])


def test_real_people_have_a_plausible_size(real):
    annotations, _, meta = real
    head, feet = 0, [11, 14]
    heights = [
        np.median(item['keypoint'][:, :, head, 1] - item['keypoint'][:, :, feet, 1].min(axis=-1))
        for item in annotations
    ]
    assert 1.1 < min(heights) < max(heights) < 1.8
    distance = np.concatenate([item['keypoint'][..., 2].ravel() for item in annotations])
    assert 0.5 < distance.min() < distance.max() < 4.5  # what the sensor can see


def test_real_file_in_the_dataset(real, tmp_path):
    save_annotations(tmp_path / 'sbu.pkl', *real)
    dataset = InteractionPoseDataset(
        str(tmp_path / 'sbu.pkl'), [], split='val', fold=5, classes=['punching', 'hugging']
    )
    assert {info['label'] for info in dataset} == {0, 1}
    assert {info['frame_dir'].split('_')[-2] for info in dataset} == {'08', '06'}
