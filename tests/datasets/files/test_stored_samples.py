"""Samples read one by one: as they were written, of one version, the same as from a plain pickle, no damage unseen."""

import json
import multiprocessing
import os
import pickle

import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from asea_mm.datasets import InteractionPoseDataset, load_annotations, save_annotations
from asea_mm.datasets.converters.annotation_file import convert_annotations
from asea_mm.datasets.files.stored_samples import FOOTER, NoIndex, StoredSamples, write_samples
from asea_mm.errors import InputError

META = {'layout': 'sbu15', 'classes': ['a', 'b', 'c'], 'source': 'test', 'units': 'm'}
SPLIT = {'xsub_train': ['s0', 's2', 's4'], 'xsub_val': ['s1', 's3'], 'fold1_train': ['s3', 's0'], 'fold1_val': ['s1']}


def sample(index, persons=2, dtype=np.float16, **changes):
    keypoint = np.random.default_rng(index).normal(size=(persons, 4 + index, 15, 3)).astype(dtype)
    fields = {'frame_dir': f's{index}', 'label': index % 3, 'total_frames': 4 + index, 'keypoint': keypoint}
    return {**fields, **changes}


def samples():
    some = [sample(index) for index in range(5)]
    some[1]['img_shape'] = (480, 640)
    some[2]['keypoint_score'] = np.ones((2, 6, 15), np.float16)
    some[3] = sample(3, persons=3, dtype=np.float32)
    some[3]['keypoint'] = np.asfortranarray(some[3]['keypoint'])
    some[4]['keypoint'] = np.repeat(some[4]['keypoint'], 2, axis=1)[:, ::2]  # not contiguous
    return some


def same(one, other):
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
        return one.dtype == other.dtype and one.shape == other.shape
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(value, other[name]) for name, value in one.items())
    return type(one) is type(other) and one == other


@pytest.fixture
def path(tmp_path):
    save_annotations(tmp_path / 'x.pkl', iter(samples()), SPLIT, META)
    return tmp_path / 'x.pkl'


def test_what_comes_back(path):
    content = load_annotations(path, lazy=True)
    stored = content['annotations']
    assert isinstance(stored, StoredSamples)
    assert (content['split'], content['meta']) == (SPLIT, META)
    assert len(stored) == 5
    assert all(same(*pair) for pair in zip(samples(), stored, strict=True))
    assert same(stored[-1], samples()[4])
    with pytest.raises(IndexError):
        stored[5]
    for sample, header in zip(samples(), stored.headers(), strict=True):
        assert set(sample) == set(header)
        assert (header['label'], header['keypoint'].shape) == (sample['label'], sample['keypoint'].shape)
        assert header['keypoint'].dtype == sample['keypoint'].dtype
        assert not header['keypoint'].any()


def test_any_field_comes_back(tmp_path):
    arrays = [np.zeros(shape, dtype) for dtype in ('f8', 'i2', '?', 'U3') for shape in ((), (0, 2), (3, 1))]
    plain = [None, True, 10**30, -0.5, 'ä', b'x', (1, [2, {'a/b': {3}}]), {0.5: ['..']}, np.float64(0.5)]
    rows = [{'frame_dir': f's{index}', 'extra': value} for index, value in enumerate([*arrays, *plain])]
    for some in (rows, rows[:1], []):
        with (tmp_path / 'x.pkl').open('wb') as file:
            write_samples(file, some, {'split': {}, 'meta': {}})
        assert all(same(row, read) for row, read in zip(some, StoredSamples(tmp_path / 'x.pkl'), strict=True))


def test_where_the_system_has_no_pread(path, monkeypatch):
    monkeypatch.delattr(os, 'pread')
    assert all(same(*pair) for pair in zip(samples(), StoredSamples(path), strict=True))


def version(number):
    """Versions differ in the number of samples, in every label and in every value."""
    keypoint = np.full((2, 5, 15, 3), number + 1, np.float16)
    fields = {'label': number % 3, 'total_frames': 5, 'keypoint': keypoint}
    return [{'frame_dir': f'v{number}_{index}', **fields} for index in range(3 + number % 4)]


def replace_until(path, stop):
    number = 0
    while not stop.is_set():
        number = (number + 1) % 12
        save_annotations(path, version(number), {str(number): []}, META)


def test_a_reader_sees_one_version_while_it_is_replaced(tmp_path):
    path = tmp_path / 'x.pkl'
    save_annotations(path, version(0), {'0': []}, META)
    context = multiprocessing.get_context('fork')
    stop = context.Event()
    writer = context.Process(target=replace_until, args=(path, stop))
    writer.start()
    seen = set()
    try:
        for _ in range(400):
            content = load_annotations(path, lazy=True)
            number = int(*content['split'])
            seen.add(number)
            expected = version(number)
            assert all(same(*pair) for pair in zip(expected, content['annotations'], strict=True))
            assert [header['label'] for header in content['annotations'].headers()] == [number % 3] * len(expected)
    finally:
        stop.set()
        writer.join()
    assert len(seen) > 1
    assert os.listdir(tmp_path) == ['x.pkl']


def test_who_has_it_open_goes_on_reading_the_old_one(path):
    opened = StoredSamples(path)
    pickled = pickle.dumps(opened)
    assert len(pickled) < 10_000
    assert same(pickle.loads(pickled)[3], samples()[3])
    save_annotations(path, [sample(7)], {}, META)
    assert same(opened[2], samples()[2])
    assert [item['frame_dir'] for item in StoredSamples(path)] == ['s7']
    with pytest.raises(InputError, match='x.pkl: expected the file as it was .* has been written since'):
        pickle.loads(pickled)  # as a worker that is spawned, not forked


def test_a_damaged_file_is_named(path):
    data = path.read_bytes()
    for size in (0, 10, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(NoIndex):
            StoredSamples(path)
        if size != len(data) - 1:  # which cuts the index off, but not the pickle
            with pytest.raises(InputError, match='x.pkl: .*(an empty file|damaged)'):
                load_annotations(path, lazy=True)
    index_start, _ = FOOTER.unpack(data[-FOOTER.size :])
    for start in (index_start, index_start + 40):
        path.write_bytes(data[:start] + b'?' * 8 + data[start + 8 :])
        with pytest.raises(InputError, match='^.*x.pkl: the index: a truncated or damaged annotation file'):
            load_annotations(path, lazy=True)
    path.write_bytes(data[:40] + b'?' * 40 + data[80:])
    damaged = StoredSamples(path)
    with pytest.raises(InputError, match='x.pkl: sample 0: a truncated or damaged annotation file'):
        damaged[0]
    assert same(damaged[1], samples()[1])
    os.truncate(path, 100)
    with pytest.raises(InputError, match='x.pkl: sample 4: .* got 0'):
        damaged[4]


def test_an_index_runs_no_code(path):
    data = path.read_bytes()
    index_start, magic = FOOTER.unpack(data[-FOOTER.size :])
    index = b'cbuiltins\neval\n(V1\ntR'
    path.write_bytes(data[:index_start] + index + FOOTER.pack(index_start, magic))
    with pytest.raises(InputError, match=r'the index: .*builtins\.eval'):
        load_annotations(path, lazy=True)


@pytest.mark.parametrize(
    'options',
    [{}, {'split': 'train', 'fold': 1}, {'classes': ['c', 'a']}, {'indices': 2}],
)
def test_the_same_dataset_as_from_a_plain_pickle(path, tmp_path, options):
    (tmp_path / 'plain.pkl').write_bytes(pickle.dumps({'annotations': samples(), 'split': SPLIT, 'meta': META}))
    plain, stored = (InteractionPoseDataset(str(tmp_path / name), [], **options) for name in ('plain.pkl', 'x.pkl'))
    assert plain.metainfo == stored.metainfo
    assert all(same(*pair) for pair in zip(plain, stored, strict=True))
    assert [plain.get_cat_ids(index) for index in range(len(plain))] == [
        stored.get_cat_ids(index) for index in range(len(stored))
    ]
    assert same(stored.get_subset([1])[0]['keypoint'], plain[1]['keypoint'])


def test_values_are_checked_when_they_are_read(path):
    broken = samples()
    broken[0]['keypoint'][0, 1, 2] = np.nan
    with path.open('wb') as file:
        write_samples(file, broken, {'split': {}, 'meta': META})
    dataset = InteractionPoseDataset(str(path), [])
    with pytest.raises(InputError, match="x.pkl: sample 's0': expected finite 'keypoint', got NaN"):
        dataset[0]
    assert dataset[1]['frame_dir'] == 's1'


def test_workers_read_the_same(path):
    dataset = InteractionPoseDataset(str(path), [])
    assert len(dataset.data_bytes) < 1000  # no arrays among what workers get
    loader = DataLoader(dataset, batch_size=1, num_workers=2, collate_fn=pseudo_collate, multiprocessing_context='fork')
    read = {batch['frame_dir'][0]: np.asarray(batch['keypoint'][0]) for batch in loader}
    assert list(read) == ['s0', 's1', 's2', 's3', 's4']
    for index, keypoint in enumerate(read.values()):
        np.testing.assert_array_equal(keypoint, dataset[index]['keypoint'])


@pytest.fixture
def folder(tmp_path):
    """A store as earlier releases wrote it."""
    folder = tmp_path / 'old.store'
    folder.mkdir()
    arrays = [np.arange(count * 45, dtype='<f2').reshape(1, count, 15, 3) + 1 for count in (2, 3)]
    (folder / 'keypoint.bin').write_bytes(b''.join(array.tobytes() for array in arrays))
    index = {
        'format': 'asea_mm annotation store',
        'version': 1,
        'num_samples': 2,
        'meta': {'dict': [['layout', 'sbu15'], ['classes', ['a', 'b']]]},
        'split': {'train': [1], 'val': [0]},
        'fields': {
            'frame_dir': {'values': ['x', 'y'], 'which': [0, 1]},
            'label': {'values': [1], 'which': [0, 0]},
            'total_frames': {'values': [2, 3], 'which': [0, 1]},
            'img_shape': {'values': [{'tuple': [480, 640]}], 'which': [-1, 0]},
        },
        'arrays': {
            'keypoint': {
                'values': [{'dtype': '<f2', 'shape': [1, 2, 15, 3]}, {'dtype': '<f2', 'shape': [1, 3, 15, 3]}],
                'which': [0, 1],
                'file': 'keypoint.bin',
                'bytes': sum(array.nbytes for array in arrays),
            }
        },
    }
    (folder / 'index.json').write_text(json.dumps(index))
    return folder


def test_an_old_store_is_converted(folder, tmp_path):
    convert_annotations(folder, tmp_path / 'new.pkl')
    content = load_annotations(tmp_path / 'new.pkl')
    x, y = content['annotations']
    assert content['split'] == {'train': ['y'], 'val': ['x']}
    assert content['meta'] == {'layout': 'sbu15', 'classes': ['a', 'b']}
    assert (x['total_frames'], y['total_frames'], y['img_shape']) == (2, 3, (480, 640))
    assert 'img_shape' not in x
    np.testing.assert_array_equal(x['keypoint'].ravel(), np.arange(90) + 1)
    np.testing.assert_array_equal(y['keypoint'].ravel(), np.arange(135) + 1)


@pytest.mark.parametrize(
    'damage',
    [
        lambda index: index.clear(),
        lambda index: index['split'].update(x=[5]),
        lambda index: index['arrays']['keypoint']['values'][0].update(dtype='|O'),
        lambda index: index['arrays']['keypoint']['values'][1].update(shape=[1, 30, 15, 3]),
        lambda index: index['arrays']['keypoint'].update(file='../secret'),
    ],
)
def test_a_damaged_old_store_is_named(folder, tmp_path, damage):
    index = json.loads((folder / 'index.json').read_text())
    damage(index)
    (folder / 'index.json').write_text(json.dumps(index))
    with pytest.raises(InputError, match=f'^{folder}: '):
        convert_annotations(folder, tmp_path / 'new.pkl')
    assert not (tmp_path / 'new.pkl').exists()
