"""Annotation stores: lossless, whole or not at all, the same samples as from the pickle, and no damage unseen."""

import copy
import json
import os
import pickle
import shutil
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mmaction.registry import TRANSFORMS
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from asea_mm.datasets import InteractionPoseDataset, load_annotations, save_annotations
from asea_mm.datasets.files.store import AnnotationStore
from asea_mm.datasets.files.store_writing import write_store

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
    return some


def same(one, other):
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
        return one.dtype == other.dtype and one.shape == other.shape
    if isinstance(one, dict):
        return set(one) == set(other) and all(same(value, other[name]) for name, value in one.items())
    return type(one) is type(other) and one == other


@pytest.fixture
def store(tmp_path):
    save_annotations(tmp_path / 'x.store', iter(samples()), SPLIT, META)
    return tmp_path / 'x.store'


def test_what_comes_back(store):
    content = load_annotations(store)
    assert all(same(*pair) for pair in zip(samples(), content['annotations'], strict=True))
    assert (content['split'], content['meta']) == (SPLIT, META)
    lazy = load_annotations(store, lazy=True)['annotations']
    assert isinstance(lazy, AnnotationStore)
    assert len(lazy) == 5
    assert same(lazy[-1], samples()[4])
    assert [item['frame_dir'] for item in lazy[1:4]] == ['s1', 's2', 's3']
    assert sorted(os.listdir(store)) == ['index.json', 'keypoint.bin', 'keypoint_score.bin']
    with pytest.raises(IndexError):
        lazy[5]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=2) | st.floats(0, 1), inner, max_size=2)
    ),
    max_leaves=5,
)
arrays = st.sampled_from(['<f4', '>f8', 'i2', '?', 'U3']).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from(['extra', 'a/b', '..']), plain | arrays), max_size=4))
def test_any_field_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp('any') / 'x.store'
    rows = [{'frame_dir': f's{index}', **row} for index, row in enumerate(rows)]
    write_store(path, rows, {}, {})
    for row, read in zip(rows, AnnotationStore(path), strict=True):
        for value in row.values():
            if isinstance(value, np.ndarray) and value.dtype.kind == 'f':
                np.nan_to_num(value, copy=False)
        for value in read.values():
            if isinstance(value, np.ndarray) and value.dtype.kind == 'f':
                np.nan_to_num(value, copy=False)
        assert same(row, read)


@pytest.mark.parametrize('order', ['C', 'F', 'strided', 'reversed'])
def test_any_order_in_memory(tmp_path, order):
    keypoint = sample(0)['keypoint']
    turned = {
        'C': keypoint,
        'F': np.asfortranarray(keypoint),
        'strided': np.repeat(keypoint, 2, axis=1)[:, ::2],
        'reversed': keypoint[::-1][::-1],
    }[order]
    save_annotations(tmp_path / 'x.store', [sample(0, keypoint=turned)], {}, META)
    np.testing.assert_array_equal(load_annotations(tmp_path / 'x.store')['annotations'][0]['keypoint'], keypoint)


def test_there_and_back(store, tmp_path):
    content = load_annotations(store, lazy=True)
    save_annotations(tmp_path / 'back.pkl', content['annotations'], content['split'], content['meta'])
    save_annotations(tmp_path / 'direct.pkl', samples(), SPLIT, META)
    back, direct = (load_annotations(tmp_path / name) for name in ('back.pkl', 'direct.pkl'))
    assert all(same(*pair) for pair in zip(back.pop('annotations'), direct.pop('annotations'), strict=True))
    assert back == direct


def raising():
    yield sample(0)
    raise RuntimeError('the source is broken')


@pytest.mark.parametrize(
    ('annotations', 'split', 'error', 'message'),
    [
        (raising, {}, RuntimeError, 'the source is broken'),
        (lambda: [sample(0), sample(0)], {}, ValueError, "repeated is 's0'"),
        (lambda: [sample(0, label=3)], {}, ValueError, "sample 's0': expected 'label' below 3"),
        (lambda: [sample(0, keypoint=np.full((2, 4, 15, 3), np.nan))], {}, ValueError, "sample 's0': .*NaN"),
        (lambda: [sample(0, keypoint=np.ones((2, 4, 25, 3)))], {}, ValueError, 'expected 15 joints'),
        (lambda: [sample(0, extra={1, 2})], {}, ValueError, r"sample 's0': 'extra' holds {1, 2} \(set\)"),
        (lambda: [sample(0)], {'train': ['gone']}, ValueError, "split 'train' names samples without .*'gone'"),
        (lambda: [sample(0)], {'train': ['s0', 's0']}, ValueError, "split 'train' names samples more than once"),
    ],
)
def test_whole_or_not_at_all(tmp_path, store, annotations, split, error, message):
    before = sorted(os.listdir(tmp_path))
    for path in (store, tmp_path / 'new.store'):
        with pytest.raises(error, match=message):
            save_annotations(path, annotations(), split, META)
    assert sorted(os.listdir(tmp_path)) == before
    assert len(AnnotationStore(store)) == 5


def test_replacing(tmp_path, store):
    opened = AnnotationStore(store)
    save_annotations(store, [sample(7)], {}, META)
    assert AnnotationStore(store).ids == ['s7']
    assert same(opened[2], samples()[2])  # the old files, for who still reads them
    with pytest.raises(ValueError, match='bytes in keypoint.bin, which has'):
        copy.deepcopy(opened)
    assert os.listdir(tmp_path) == ['x.store']
    mine = tmp_path / 'mine.store'
    mine.mkdir()
    (mine / 'thesis.tex').touch()
    with pytest.raises(ValueError, match=r'mine.store: exists and is no annotation store; it is not replaced'):
        save_annotations(mine, samples(), {}, META)
    assert (mine / 'thesis.tex').exists()


@pytest.mark.parametrize('name', ['x.store', 'x.pkl'])
@pytest.mark.parametrize('before', ['there', 'gone'])
def test_what_a_link_names_is_replaced(tmp_path, name, before):
    (tmp_path / 'disk').mkdir()
    (tmp_path / name).symlink_to(tmp_path / 'disk' / 'data')
    for count in (1, 2) if before == 'there' else (2,):
        save_annotations(tmp_path / name, samples()[:count], {}, META)
    assert (tmp_path / name).is_symlink()
    assert os.listdir(tmp_path / 'disk') == ['data']
    assert len(load_annotations(tmp_path / name)['annotations']) == 2


@pytest.mark.parametrize('name', ['x.store', 'x.pkl'])
def test_permissions_are_those_of_any_new_file(tmp_path, name):
    before = os.umask(0o027)
    try:
        save_annotations(tmp_path / name, samples(), {}, META)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == (0o750 if name == 'x.store' else 0o640)


def edit(change):
    def damage(store):
        index = json.loads((store / 'index.json').read_text())
        change(index)
        (store / 'index.json').write_text(json.dumps(index))

    return damage


def truncate(name, size):
    return lambda store: os.truncate(store / name, size)


@pytest.mark.parametrize(
    ('damage', 'message'),
    [
        (truncate('keypoint.bin', 1000), r'bytes in keypoint.bin, which has 1000'),
        (lambda store: (store / 'keypoint.bin').unlink(), 'lacks a file .*keypoint.bin'),
        (truncate('index.json', 100), 'index.json, which cannot be read'),
        (lambda store: (store / 'index.json').unlink(), 'got a directory without index.json'),
        (lambda store: (store / 'index.json').write_text('[]'), 'an index.json of something else'),
        (lambda store: (store / 'index.json').write_text('{"name": "web app"}'), 'an index.json of something else'),
        (edit(lambda index: index.update(version=99)), 'of version 1, got version 99'),
        (edit(lambda index: index.update(num_samples=4)), 'damaged'),
        (edit(lambda index: index.pop('split')), 'damaged'),
        (edit(lambda index: index['split'].update(x=[5])), 'damaged'),
        (edit(lambda index: index['split'].update(x=[-1])), 'damaged'),
        (edit(lambda index: index['fields'].pop('frame_dir')), 'damaged'),
        (edit(lambda index: index['fields']['frame_dir']['which'].__setitem__(0, 1)), 'damaged'),
        (edit(lambda index: index['fields']['label']['which'].__setitem__(0, 3)), 'damaged'),
        (edit(lambda index: index['arrays']['keypoint']['which'].__setitem__(0, 1)), 'damaged'),
        (edit(lambda index: index['arrays']['keypoint']['values'][0].update(dtype='|O')), 'damaged'),
        (edit(lambda index: index['arrays']['keypoint']['values'][0].update(shape=[-2, -4, 15, 3])), 'damaged'),
        (edit(lambda index: index['arrays']['keypoint']['values'][0].update(shape=[2**40, 2**40])), 'damaged'),
        (edit(lambda index: index['arrays']['keypoint'].update(file='../secret')), 'damaged'),
    ],
)
def test_damaged_stores(store, damage, message):
    damage(store)
    with pytest.raises(ValueError, match=rf'^{store}: .*{message}') as error:
        load_annotations(store, lazy=True)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_damage_after_opening(store):
    opened = AnnotationStore(store)
    os.truncate(store / 'keypoint.bin', 100)
    with pytest.raises(ValueError, match="x.store: sample 's4': a truncated or damaged annotation store: .* got 0"):
        opened[4]


def test_pickled_for_spawned_processes(store):
    opened = AnnotationStore(store)
    small = pickle.dumps(opened)
    assert len(small) < 10_000
    assert same(pickle.loads(small)[3], samples()[3])


def split_options():
    yield {}
    yield {'split': 'xsub_train'}
    yield {'split': 'train', 'fold': 1}
    yield {'classes': ['c', 'a']}
    yield {'layout': 'sbu15', 'serialize_data': False}
    yield {'indices': 2}
    yield {'split': 'xsub_val', 'test_mode': True}


PIPELINE = [
    dict(type='CentrePair'),
    dict(type='SampleClip', clip_len=8),
    dict(type='GenerateStream', stream='bone'),
    dict(type='FormatGCNInput', num_person=2),
]


@pytest.mark.parametrize('pipeline', [[], PIPELINE])
@pytest.mark.parametrize('options', split_options())
def test_the_same_dataset_as_from_the_pickle(store, tmp_path, options, pipeline):
    save_annotations(tmp_path / 'x.pkl', samples(), SPLIT, META)
    datasets = [
        InteractionPoseDataset(
            str(tmp_path / name), pipeline=[TRANSFORMS.build(transform) for transform in pipeline], **options
        )
        for name in ('x.pkl', 'x.store')
    ]
    assert len(datasets[0]) == len(datasets[1]) > 0
    assert datasets[0].metainfo == datasets[1].metainfo
    for index in range(len(datasets[0])):
        rows = []
        for dataset in datasets:
            rows.append(dataset[index])
        assert same(*rows)
        assert datasets[0].get_cat_ids(index) == datasets[1].get_cat_ids(index)
    part = datasets[1].get_subset([0])
    assert same(part[0], rows[0]) if len(datasets[1]) == 1 else len(part) == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'split': 'x'}, r"x.store: no split 'x'; it has \['fold1_train'"),
        ({'layout': 'nturgbd25'}, "x.store: sample 's0': expected 25 joints as the layout has, got 15"),
        ({'classes': ['dance']}, "x.store: unknown class 'dance'"),
        ({'metainfo': {'classes': ['a']}}, "x.store: sample 's1': expected 'label' below 1"),
        ({'split': 'val', 'fold': 1, 'classes': ['a']}, "x.store: no samples in split 'fold1_val'"),
    ],
)
def test_the_same_errors(store, options, message):
    with pytest.raises(ValueError, match=message):
        InteractionPoseDataset(str(store), [], **options)


def test_mixed_coordinates(tmp_path):
    flat = sample(1, keypoint=np.ones((2, 5, 15, 2)))
    save_annotations(tmp_path / 'x.store', [sample(0), flat], {}, META)
    with pytest.raises(ValueError, match='x.store: some samples have 2 coordinates and some have 3'):
        InteractionPoseDataset(str(tmp_path / 'x.store'), [])


@pytest.mark.parametrize(('value', 'message'), [(np.nan, "finite 'keypoint', got NaN"), (0, 'at least one person')])
def test_broken_values_name_file_and_sample(store, value, message):
    dataset = InteractionPoseDataset(str(store), [])
    array = np.memmap(store / 'keypoint.bin', np.float16, 'r+')
    array[: samples()[0]['keypoint'].size] = value
    array.flush()
    with pytest.raises(ValueError, match=f"x.store: sample 's0': expected {message}"):
        dataset[0]
    assert dataset[1]['frame_dir'] == 's1'


def test_workers_read_the_same(store):
    dataset = InteractionPoseDataset(str(store), [])
    assert len(dataset.data_bytes) < 1000  # no arrays among what workers get
    loader = DataLoader(dataset, batch_size=1, num_workers=2, collate_fn=pseudo_collate, multiprocessing_context='fork')
    read = {batch['frame_dir'][0]: np.asarray(batch['keypoint'][0]) for batch in loader}
    assert list(read) == ['s0', 's1', 's2', 's3', 's4']
    for index, keypoint in enumerate(read.values()):
        np.testing.assert_array_equal(keypoint, dataset[index]['keypoint'])


def test_a_moved_store_still_opens(store, tmp_path):
    shutil.move(store, tmp_path / 'elsewhere')
    assert AnnotationStore(tmp_path / 'elsewhere').ids == ['s0', 's1', 's2', 's3', 's4']
