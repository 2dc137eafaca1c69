"""Data sets in arrays of many clips, in the forms of ST-GCN, 2s-AGCN and CTR-GCN."""

import json
import pickle

import numpy as np
import pytest

from asea_mm.datasets.converters import convert_custom
from asea_mm.datasets.recordings.reading import find_recordings
from asea_mm.datasets.recordings.samples import is_single, read_samples
from asea_mm.errors import InputError
from asea_mm.skeletons import SKELETONS
from tests.datasets.ntu_files import person

JOINTS, LONGEST = 25, 12
LENGTHS = [5, 12, 7, 9]


def clips(joints=JOINTS, centred=False):
    """People over all frames, (N, M, T, V, C), zero behind the end of a clip."""
    array = np.zeros((len(LENGTHS), 2, LONGEST, joints, 3), np.float32)
    for number, (clip, length) in enumerate(zip(array, LENGTHS, strict=True)):
        pair = np.stack([person(x, length, sway=0.05 * (number + 1)) for x in (-0.6, 0.6)])
        clip[:, :length] = (pair - pair[:1, :, 1:2] if centred else pair)[:, :, :joints]
    return array


def write_stgcn(folder, array, labels=True, name='data'):
    """train_data.npy of the first three clips and val_data.npy of the last, (N, C, T, V, M)."""
    folder.mkdir(exist_ok=True)
    for part, chosen in (('train', slice(3)), ('val', slice(3, 4))):
        np.save(folder / f'{part}_{name}.npy', array[chosen].transpose(0, 4, 2, 3, 1))
        if labels:
            numbers = range(len(LENGTHS))[chosen]
            content = ([f'S00{number}C001.skeleton' for number in numbers], [number % 2 for number in numbers])
            (folder / f'{part}_label.pkl').write_bytes(pickle.dumps(content))
    return folder


def write_ctrgcn(path, array, compressed=False, one_hot=True):
    """(N, T, M * V * C)."""
    flat = array.swapaxes(1, 2).reshape(len(array), LONGEST, -1)
    labels = np.eye(5)[[3, 0, 3, 1]] if one_hot else np.array([3, 0, 2, 1])
    save = np.savez_compressed if compressed else np.savez
    save(path, x_train=flat[:3], y_train=labels[:3], x_test=flat[3:], y_test=labels[3:])
    return path


def converted(source, layout='nturgbd25', **options):
    conversion = convert_custom(source, layout, **options)
    return list(conversion.annotations), conversion


@pytest.mark.parametrize('name', ['data', 'data_joint'])
@pytest.mark.parametrize('labels', [None, 'train_label.pkl'])
def test_stgcn(tmp_path, name, labels):
    array = clips()
    folder = write_stgcn(tmp_path / 'xsub', array, name=name)
    samples, conversion = converted(folder, labels=labels and folder / labels)
    assert [sample['frame_dir'] for sample in samples] == [f'S00{number}C001' for number in range(4)]
    assert [sample['label'] for sample in samples] == [0, 1, 0, 1]
    assert conversion.split == {'train': ['S000C001', 'S001C001', 'S002C001'], 'val': ['S003C001']}
    for sample, clip, length in zip(samples, array, LENGTHS, strict=True):
        np.testing.assert_array_equal(sample['keypoint'], clip[:, :length])


def test_poses_around_a_joint_of_the_first_person(tmp_path):
    """As 2s-AGCN stores them: this joint is exactly zero, and not missing."""
    array = clips(centred=True)
    samples, _ = converted(write_stgcn(tmp_path / 'xsub', array))
    for sample, clip, length in zip(samples, array, LENGTHS, strict=True):
        np.testing.assert_array_equal(sample['keypoint'], clip[:, :length])


def test_other_splits_leave_those_of_the_files(tmp_path):
    folder = write_stgcn(tmp_path / 'xsub', clips())
    _, conversion = converted(folder, split='kfold:2')
    assert conversion.split['val'] == ['S003C001']
    assert sorted(conversion.split) == ['fold1_train', 'fold1_val', 'fold2_train', 'fold2_val', 'train', 'val']
    assert any('as the files say' in note for note in conversion.notes)


@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('one_hot', [False, True])
def test_ctrgcn(tmp_path, compressed, one_hot):
    array = clips()
    path = write_ctrgcn(tmp_path / 'NTU60_CS.npz', array, compressed, one_hot)
    samples, conversion = converted(path)
    by_name = {sample['frame_dir']: sample for sample in samples}
    names = ['train_000000', 'train_000001', 'train_000002', 'test_000000']
    assert [by_name[name]['label'] for name in names] == ([3, 0, 3, 1] if one_hot else [3, 0, 2, 1])
    assert conversion.split == {'train': names[:3], 'test': names[3:]}
    assert conversion.meta['classes'] == [str(number) for number in range(5 if one_hot else 4)]
    for name, clip, length in zip(names, array, LENGTHS, strict=True):
        np.testing.assert_array_equal(by_name[name]['keypoint'], clip[:, :length])


def test_joints_in_images_have_scores(tmp_path):
    array = clips(joints=18)
    array[..., :2] /= 4  # ST-GCN's shares, from -0.5 to 0.5
    array[..., 2] /= 4
    array[0, 0, 2, 5] = 0  # not found
    folder = write_stgcn(tmp_path / 'kinetics', array)
    samples, conversion = converted(folder, 'openpose18')
    assert conversion.meta['units'] == 'image share'
    for sample, clip, length in zip(samples, array, LENGTHS, strict=True):
        score = clip[:, :length, :, 2]
        np.testing.assert_array_equal(sample['keypoint_score'], score)
        expected = np.where(score[..., None] > 0, clip[:, :length, :, :2] + 0.5, 0)
        np.testing.assert_allclose(sample['keypoint'], expected, rtol=1e-6)


@pytest.mark.parametrize('form', ['file', 'npz', 'folder'])
def test_every_clip_is_a_recording(tmp_path, form):
    array = clips()
    folder = write_stgcn(tmp_path / 'xsub', array, labels=form != 'file')
    source = {'file': folder / 'train_data.npy', 'npz': write_ctrgcn(tmp_path / 'a.npz', array), 'folder': folder}[form]
    assert not is_single(source)
    samples = list(read_samples(source, SKELETONS['nturgbd25']))
    assert [sample.keypoint.shape[1] for sample in samples] == LENGTHS[: 3 if form == 'file' else 4]
    np.testing.assert_array_equal(samples[1].keypoint, array[1][:, : LENGTHS[1]])


def test_arrays_of_five_axes_in_memory(tmp_path):
    array = clips()[:, :, :5]
    samples = list(read_samples(array, SKELETONS['nturgbd25']))
    assert [sample.name for sample in samples] == ['input 0', 'input 1', 'input 2', 'input 3']
    np.testing.assert_array_equal(samples[3].keypoint, array[3])


def test_a_table_may_label_clips(tmp_path):
    folder = write_stgcn(tmp_path / 'xsub', clips())
    lines = [f'S00{number}C001.skeleton,{"ab"[number % 2]},{number % 2}' for number in range(4)]
    (tmp_path / 'labels.csv').write_text('\n'.join(['name,class,fold', *lines]))
    samples, conversion = converted(folder, labels=tmp_path / 'labels.csv', split='column')
    assert [conversion.meta['classes'][sample['label']] for sample in samples] == ['a', 'b', 'a', 'b']


@pytest.mark.parametrize(
    ('labels', 'message'),
    [
        ((['a', 'b'], [0, 1]), 'expected 3 labels as train_data.npy has clips, got 2'),
        ({'a': 0}, r'expected a pickle of \(\[name'),
        ((['a', 'b', 'c'], [0, 1, 'x']), r'expected a pickle of \(\[name'),
        ((['a', 'a', 'b'], [0, 1, 0]), 'expected every name once'),
    ],
)
def test_wrong_labels(tmp_path, labels, message):
    folder = write_stgcn(tmp_path / 'xsub', clips())
    (folder / 'train_label.pkl').write_bytes(pickle.dumps(labels))
    with pytest.raises(InputError, match=message):
        converted(folder)


def test_wrong_arrays(tmp_path):
    array = clips()
    flat = array.swapaxes(1, 2).reshape(4, LONGEST, -1)
    np.savez(tmp_path / 'a.npz', x_train=flat, y_train=np.eye(3))
    with pytest.raises(InputError, match=r'a.npz: expected labels y_train, one for each of the 4 clips'):
        converted(tmp_path / 'a.npz')
    np.savez(tmp_path / 'b.npz', x_train=flat, y_train=np.ones((4, 3)))
    with pytest.raises(InputError, match=r'b.npz, y_train: expected one class for each clip'):
        converted(tmp_path / 'b.npz')
    np.savez(tmp_path / 'c.npz', x_train=flat, y_train=np.zeros(4, int))
    with pytest.raises(InputError, match=r'4 recordings: .*x_train 0: expected \(frames, persons \* 17 joints'):
        converted(tmp_path / 'c.npz', 'coco17', split='ratio:0.5')
    (cut := tmp_path / 'cut' / 'train_data.npy').parent.mkdir()
    np.save(cut, array.transpose(0, 4, 2, 3, 1))
    cut.write_bytes(cut.read_bytes()[:-500])
    with pytest.raises(InputError, match='train_data.npy: expected an array of clips'):
        find_recordings(cut.parent)


def test_labels_and_split_are_asked_for(tmp_path):
    (tmp_path / 'a.json').write_text(json.dumps({'frames': []}))
    with pytest.raises(InputError, match='expected --labels folders or a table'):
        converted(tmp_path)
    write_stgcn(tmp_path / 'xsub', clips())
    with pytest.raises(InputError, match='expected --split'):
        converted(tmp_path, labels='folders')
