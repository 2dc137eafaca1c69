"""SBU converter: both trees by hand, every wrong line, and the real data where ASEA_SBU_ROOT points to it."""

import os
from collections import Counter

import numpy as np
import pytest

from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.check import check_annotations
from asea_mm.datasets.converters import convert_sbu
from asea_mm.datasets.recordings.sbu_text import read_sbu_skeleton
from asea_mm.errors import InputError

GOOD = ','.join(['1', *(['0.5', '0.25', '2.0'] * 15), *(['0.25', '0.75', '1.5'] * 15)])


def write_sbu(root, name, text=GOOD):
    file = root / name / 'skeleton_pos.txt'
    file.parent.mkdir(parents=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_metres_with_y_up(tmp_path):
    frames = np.arange(180).reshape(2, 90) / 200
    lines = [','.join(map(str, [frame, *values])) for frame, values in enumerate(frames)]
    keypoint = read_sbu_skeleton(write_sbu(tmp_path, 'a', '\n'.join(lines)))
    x, y, z = np.moveaxis(frames.reshape(2, 2, 15, 3), -1, 0)
    metres = np.stack([1280 - 2560 * x, 960 - 1920 * y, 1280 * z], axis=-1) / 1000
    np.testing.assert_allclose(keypoint, metres.swapaxes(0, 1), atol=1e-6)
    assert keypoint.dtype == np.float32


@pytest.mark.parametrize(
    'text',
    [GOOD, GOOD + '\n', GOOD + '\r\n', GOOD + '\n\n  \n', GOOD.replace(',', ', ') + ' \n', '\ufeff' + GOOD],
)
def test_harmless_blanks(tmp_path, text):
    assert read_sbu_skeleton(write_sbu(tmp_path, 'a', text)).shape == (2, 1, 15, 3)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        (' \n\n', ", line 1: .* got 1: ''"),
        (GOOD + '\n' + GOOD.rsplit(',', 1)[0], r', line 2: expected 91 finite .* got 90'),
        (GOOD + ',1\n' + GOOD, ', line 1: .* got 92'),
        (GOOD + '\n\n' + GOOD, ', line 2: expected 91 finite'),
        (GOOD.replace('0.25', 'abc', 1), ', line 1: expected 91 finite .*abc'),
        (GOOD + '\n' + GOOD.replace('0.5', 'NaN', 1), ', line 2: expected 91 finite .*NaN'),
        (b'\x80\xff\x00', ', line 1: expected 91 finite'),
    ],
)
def test_wrong_lines(tmp_path, text, message):
    file = write_sbu(tmp_path, 'a', text)
    with pytest.raises(InputError, match=f'^{file}{message}'):
        read_sbu_skeleton(file)


def test_official_tree(tmp_path):
    for name in ('s01s02/01/001', 's01s02/08/002', 's06s03/04/001', 's02s01/05/001', '.hidden/01/001', '__MACOSX/1/2'):
        write_sbu(tmp_path, name)
    sbu = convert_sbu(tmp_path)
    labels = {sample['frame_dir']: sample['label'] for sample in sbu.annotations}
    assert labels == {'s01s02_01_001': 0, 's01s02_08_002': 7, 's06s03_04_001': 3, 's02s01_05_001': 4}
    split = sbu.split
    assert split['fold1_val'] == ['s01s02_01_001', 's01s02_08_002']
    assert split['fold5_val'] == ['s06s03_04_001']
    assert split['fold4_val'] == ['s02s01_05_001']
    assert split['fold2_val'] == []
    assert set(split['fold1_train']) == {'s06s03_04_001', 's02s01_05_001'}
    assert (sbu.meta['layout'], sbu.meta['units']) == ('sbu15', 'metre')
    assert sbu.notes[0] == 'fold 1 has 2 sequences, expected 55'


def test_fold_tree(tmp_path):
    for name in ('fold1/01/001', 'fold5/08/012'):
        write_sbu(tmp_path, name)
    sbu = convert_sbu(str(tmp_path))
    assert [sample['frame_dir'] for sample in sbu.annotations] == ['fold1_01_001', 'fold5_08_012']
    assert sbu.split['fold1_val'] == sbu.split['fold5_train'] == ['fold1_01_001']
    assert sbu.split['fold5_val'] == sbu.split['fold1_train'] == ['fold5_08_012']


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['fold1/01/001', 'fold6/01/001'], 'fold6/01/001/skeleton_pos.txt: expected'),
        (['s01s02/01/001', 's01s09/01/001'], 's01s09/01/001/skeleton_pos.txt: expected'),
        (['fold1/09/001'], 'fold1/09/001/skeleton_pos.txt: expected'),
        (['fold1/01/001', 's01s02/01/001'], 'got both'),
        ([], 'got no sequence of either'),
    ],
)
def test_wrong_trees(tmp_path, names, message):
    for name in names:
        write_sbu(tmp_path, name)
    with pytest.raises(InputError, match=message) as error:
        convert_sbu(tmp_path)
    assert str(tmp_path) in str(error.value)


def test_real_data(tmp_path):
    if not (root := os.environ.get('ASEA_SBU_ROOT')):
        pytest.skip('set ASEA_SBU_ROOT to the folder of SBU Kinect Interaction v2 (clean)')
    sbu = convert_sbu(root)
    save_annotations(tmp_path / 'sbu.pkl', sbu.annotations, sbu.split, sbu.meta)
    samples = load_annotations(tmp_path / 'sbu.pkl')['annotations']
    assert (len(samples), sbu.notes, check_annotations(tmp_path / 'sbu.pkl').level('error')) == (282, [], [])
    labels = Counter(sample['label'] for sample in samples)
    assert [labels[label] for label in range(8)] == [42, 43, 40, 41, 18, 21, 39, 38]
    lengths = [sample['total_frames'] for sample in samples]
    assert (min(lengths), np.median(lengths), max(lengths)) == (10, 23, 46)
    heights = [np.median(sample['keypoint'][:, :, 0, 1] - sample['keypoint'][:, :, 11, 1]) for sample in samples]
    assert 1.1 < np.median(heights) < 1.8
