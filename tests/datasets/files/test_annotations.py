"""Annotation files: safe reading, one clear error per wrong file or sample, round trip with mmaction2."""

import gzip
import os
import pickle
import weakref
from types import MappingProxyType

import numpy as np
import pytest
from mmaction.datasets import PoseDataset

from asea_mm.datasets import InteractionPoseDataset, load_annotations, save_annotations, validate_annotation
from asea_mm.datasets.converters.annotation_file import convert_annotations
from asea_mm.datasets.recordings.samples import read_samples
from asea_mm.errors import InputError
from asea_mm.skeletons import get_skeleton

META = {'layout': 'sbu15', 'classes': ['a', 'b'], 'source': 'test', 'units': 'metre'}


def sample(sample_id='s0', label=0, frames=5, **changes):
    keypoint = np.random.default_rng(0).normal(size=(2, frames, 15, 3)).astype(np.float32)
    return {'frame_dir': sample_id, 'label': label, 'total_frames': frames, 'keypoint': keypoint, **changes}


class RunsCode:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def dump(path, content, protocol=4):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def test_round_trip_for_us_and_mmaction2(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'ann.pkl'
    samples, split = (
        [sample('s0'), sample('s1', 1, extra=[1, (2, 'x'), {3}, {'y': 4}])],
        {'train': ['s0'], 'val': ['s1']},
    )
    save_annotations(path, iter(samples), split, MappingProxyType(META))
    ours, plain = load_annotations(path), pickle.loads(path.read_bytes())
    for content in (ours, plain):
        assert (content['split'], content['meta']) == (split, META)
        np.testing.assert_array_equal(content['annotations'][1]['keypoint'], samples[1]['keypoint'])
        assert content['annotations'][1]['extra'] == samples[1]['extra']
    dataset = PoseDataset(str(path), pipeline=[], split='val')
    assert [item['label'] for item in dataset] == [1]
    np.testing.assert_array_equal(dataset[0]['keypoint'], samples[1]['keypoint'])


def test_one_annotation_alone_and_files_in_gzip(tmp_path):
    annotations = load_annotations(dump(tmp_path / 'one.pkl', sample('clip7')))['annotations']
    assert [annotation['frame_dir'] for annotation in annotations] == ['clip7']
    unnamed = {name: value for name, value in sample().items() if name != 'frame_dir'}
    assert load_annotations(dump(tmp_path / 'two.pkl', unnamed))['annotations'][0]['frame_dir'] == 'two'

    content = {'split': {'train': ['s0']}, 'annotations': [sample('s0'), sample('s1', 1)], 'meta': META}
    save_annotations(tmp_path / 'ours.pkl', content['annotations'], content['split'], META)
    for data in (pickle.dumps(content), (tmp_path / 'ours.pkl').read_bytes()):
        (tmp_path / 'mine.pkl.gz').write_bytes(gzip.compress(data))
        read = load_annotations(tmp_path / 'mine.pkl.gz', lazy=True)
        assert (read['split'], read['meta']) == (content['split'], META)
        np.testing.assert_array_equal(read['annotations'][1]['keypoint'], content['annotations'][1]['keypoint'])
        names = [item.name for item in read_samples(tmp_path / 'mine.pkl.gz', get_skeleton('sbu15'))]
        assert names == ['s0', 's1']


def test_samples_are_let_go_as_they_are_written(tmp_path):
    alive, counts, split = weakref.WeakSet(), [], {'train': []}

    class Array(np.ndarray):
        __hash__ = object.__hash__

    def stream():
        for index in range(50):
            alive.add(keypoint := sample()['keypoint'].view(Array))
            counts.append(len(alive))
            split['train'].append(f's{index}')  # may be filled on the way
            yield sample(f's{index}', keypoint=keypoint)
            del keypoint

    save_annotations(tmp_path / 'ann.pkl', stream(), split, META)
    assert max(counts) <= 4
    content = load_annotations(tmp_path / 'ann.pkl')
    assert type(content['annotations'][0]['keypoint']) is np.ndarray
    assert content['split']['train'] == [f's{index}' for index in range(50)]


def raising():
    yield sample('s0')
    raise RuntimeError('the source is broken')


@pytest.mark.parametrize(
    ('annotations', 'split', 'error', 'message'),
    [
        (raising, {}, RuntimeError, 'the source is broken'),
        (lambda: [sample('s0'), sample('s0')], {}, InputError, "there once; repeated is 's0'"),
        (lambda: [[1]], {}, InputError, 'expected annotation 0 to be a dict'),
        (lambda: [sample(extra=np.array([None]))], {}, InputError, "'s0' holds .*dtype"),
        (lambda: [sample(), sample('s1', extra=lambda: None)], {}, InputError, "'s1' holds .*lambda"),
        (lambda: [sample(extra=np.datetime64('2020'))], {}, InputError, "'s0' holds .*dtype"),
        (lambda: [sample(extra=RunsCode(eval, '1'))], {}, InputError, "'s0' holds .*eval"),
        (lambda: [sample(keypoint=np.full((2, 5, 15, 3), np.nan))], {}, InputError, "'s0': .*NaN"),
        (lambda: [sample()], {'train': ['gone']}, InputError, "split 'train' names samples without .*'gone'"),
        (lambda: [sample()], {'train': ['s0', 's0']}, InputError, "split 'train' names samples more than once"),
    ],
)
@pytest.mark.parametrize('existing', [False, True])
def test_what_could_not_be_read_is_not_written(tmp_path, existing, annotations, split, error, message):
    path = tmp_path / 'ann.pkl'
    if existing:
        save_annotations(path, [sample('old')], {}, META)
    before = [file.read_bytes() for file in tmp_path.iterdir()]
    with pytest.raises(error, match=message):
        save_annotations(path, annotations(), split, META)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == before


@pytest.mark.parametrize('protocol', [0, 1, 2, 3, 4, 5])
def test_every_protocol(tmp_path, protocol):
    strided = np.arange(12, dtype=np.float16).reshape(3, 4)[:, ::2]
    extra = {
        'half': strided,
        'fortran': np.asfortranarray(np.eye(3)),
        'scalar': np.float64(2.5),
        'flags': np.array([True]),
        'names': np.array(['x', 'yz']),
        'tuple': (1, 2.0, None, b'bytes'),
        'set': {1, 2},
    }
    path = dump(tmp_path / 'ann.pkl', {'split': {}, 'annotations': [sample(**extra)]}, protocol)
    (read,) = load_annotations(path)['annotations']
    for name, value in extra.items():
        np.testing.assert_array_equal(read[name], value)
    np.testing.assert_array_equal(read['keypoint'], sample()['keypoint'])


@pytest.mark.parametrize('core', ['numpy.core', 'numpy._core'])
def test_pickles_of_numpy_1_and_2(tmp_path, core):
    # Protocol 2 names globals as lines of text, so another NumPy's pickle can be written here.
    data = pickle.dumps([sample(score=np.float64(0.5))], protocol=2)
    for written in (b'numpy._core', b'numpy.core'):
        data = data.replace(b'c' + written, b'c' + core.encode())
    (tmp_path / 'ann.pkl').write_bytes(data)
    assert f'c{core}.multiarray'.encode() in data
    (read,) = load_annotations(tmp_path / 'ann.pkl')['annotations']
    np.testing.assert_array_equal(read['keypoint'], sample()['keypoint'])
    assert read['score'] == 0.5


@pytest.mark.parametrize('protocol', [0, 2, 4, 5])
@pytest.mark.parametrize(
    ('attack', 'named'),
    [
        (RunsCode(os.system, 'touch "$ASEA_TEST_MARK"'), r'(posix|nt)\.system'),
        (RunsCode(eval, '1'), r'eval'),
        (RunsCode(getattr, [], 'append'), r'getattr'),
        (np.random.default_rng, 'numpy.random'),
        (np.array([object()], dtype=object), r"numpy\.dtype\('O8'\)"),
    ],
)
def test_code_is_refused(tmp_path, monkeypatch, attack, named, protocol):
    mark = tmp_path / 'executed'
    monkeypatch.setenv('ASEA_TEST_MARK', str(mark))
    path = dump(tmp_path / 'evil.pkl', {'split': {}, 'annotations': [sample(extra=attack)]}, protocol)
    with pytest.raises(InputError, match=f'evil.pkl: refused.*{named}'):
        load_annotations(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'got an empty file'),
        (b'version https://git-lfs.github.com/spec/v1\n', 'not a pickle, it starts with'),
        (pickle.dumps([sample()])[:-100], 'truncated or damaged pickle of'),
        (b'\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.', 'refused.*rot13'),
        (gzip.compress(pickle.dumps([sample()]))[:-100], 'truncated or damaged pickle in a gzip file'),
        (gzip.compress(pickle.dumps([sample()]))[:20], 'truncated or damaged pickle in a gzip file'),
        (gzip.compress(pickle.dumps([RunsCode(eval, '1')])), 'refused.*eval'),
        (pickle.dumps(3), 'got int 3'),
        (pickle.dumps({'images': []}), r"got dict {'images': \[\]}"),
        (pickle.dumps({'annotations': {}}), r"got dict {'annotations': {}}"),
        (pickle.dumps({'annotations': [], 'split': {'train': 's0'}}), "expected 'split' to be"),
        (pickle.dumps({'annotations': [], 'meta': 'sbu'}), "expected 'meta' to be a dict"),
        (
            pickle.dumps({'annotations': [], 'meta': {'classes': 3}}),
            "expected 'classes' of 'meta' to be a list of names",
        ),
        (pickle.dumps({'annotations': [], 'meta': {'units': np.eye(3)}}), "'units' .* got ndarray .*0., 1.]]\\)$"),
        (gzip.compress(pickle.dumps([['x'] * 2000] * 2000)), 'more values than'),
        (pickle.dumps([[1]]), 'expected annotation 0 to be a dict'),
        (pickle.dumps([{'label': 1}]), "expected annotation 0 to have a string 'frame_dir'"),
        (pickle.dumps([sample('s0'), sample('s1'), sample('s0')]), "repeated are \\['s0'\\]$"),
    ],
)
def test_wrong_file(tmp_path, data, message):
    path = tmp_path / 'wrong.pkl'
    path.write_bytes(data)
    with pytest.raises(InputError, match=f'^{path}: .*{message}'):
        load_annotations(path)


@pytest.mark.parametrize('name', ['nowhere.pkl', '.'])
def test_a_missing_file_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f'^{tmp_path / name}: no such annotation file'):
        load_annotations(tmp_path / name)


NAN = sample()['keypoint']
NAN[1, 3, 7, 0] = np.nan


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'keypoint': None}, "expected 'keypoint' to be an array of numbers, got NoneType"),
        ({'keypoint': np.array([['a']])}, "expected 'keypoint' to be an array of numbers"),
        ({'keypoint': np.ones((5, 15, 3))}, r'got shape \(5, 15, 3\)'),
        ({'keypoint': np.ones((2, 5, 15, 4))}, r'got shape \(2, 5, 15, 4\)'),
        ({'keypoint': np.ones((2, 5, 25, 3))}, 'expected 15 joints as the layout has, got 25'),
        ({'keypoint': np.ones((2, 0, 15, 3)), 'total_frames': 0}, 'at least one person and one frame'),
        ({'keypoint': np.ones((0, 5, 15, 3))}, 'at least one person and one frame'),
        ({'keypoint': np.zeros((2, 5, 15, 3))}, 'at least one person'),
        ({'total_frames': 6}, "expected 'total_frames' to equal the 5 frames of 'keypoint', got 6"),
        ({'keypoint': NAN}, r"finite 'keypoint', got NaN or infinity \(first: person 1, frame 3, joint 7\)"),
        ({'keypoint_score': np.ones((2, 4, 15))}, r"expected 'keypoint_score' of shape \(2, 5, 15\), got shape"),
        ({'keypoint_score': np.full((2, 5, 15), np.nan)}, "finite 'keypoint_score'"),
        ({'label': 2}, "expected 'label' below 2, the number of classes, got 2"),
        ({'label': -1}, "expected 'label' to be a class number"),
        ({'label': 1.0}, "expected 'label' to be a class number"),
        ({'label': True}, "expected 'label' to be a class number"),
    ],
)
def test_bad_samples_name_file_and_sample(changes, message):
    with pytest.raises(InputError, match=f"^some.pkl: sample 's0': .*{message}"):
        validate_annotation(sample(**changes), 15, 2, 'some.pkl')


@pytest.mark.parametrize('label', [2**31, 2**63])
def test_a_label_alone_does_not_make_a_billion_classes(tmp_path, label):
    path = dump(tmp_path / 'labels.pkl', [sample('s0'), sample('s1', label=label)])
    with pytest.raises(InputError, match=f"labels.pkl: sample 's1': expected 'label' below 10000, .* got {label}"):
        InteractionPoseDataset(str(path), [], layout='sbu15')


def test_any_file_is_converted(tmp_path):
    item = sample()
    item['filename'] = item.pop('frame_dir')
    convert_annotations(dump(tmp_path / 'old.pkl', [item]), tmp_path / 'new.pkl', layout='sbu15')
    content = load_annotations(tmp_path / 'new.pkl', lazy=True)
    assert content['meta'] == {'layout': 'sbu15'}
    np.testing.assert_array_equal(content['annotations'][0]['keypoint'], item['keypoint'])
    convert_annotations(tmp_path / 'new.pkl', tmp_path / 'again.pkl')
    assert (tmp_path / 'again.pkl').read_bytes() == (tmp_path / 'new.pkl').read_bytes()
    with pytest.raises(InputError, match="expected the layout 'coco17', got 'sbu15' in the file"):
        convert_annotations(tmp_path / 'new.pkl', tmp_path / 'other.pkl', layout='coco17')
