"""Annotation files: safe reading, one clear error per wrong file or sample, round trip with mmaction2."""

import copy
import os
import pickle
import pickletools
import weakref
from types import MappingProxyType

import numpy as np
import pytest
from mmaction.datasets import PoseDataset

from asea_mm.datasets import load_annotations, save_annotations, validate_annotation

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


def test_round_trip(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'ann.pkl'
    samples, split = [sample('s0'), sample('s1', 1)], {'train': ['s0'], 'val': ['s1']}
    save_annotations(path, samples, split, META)
    content = load_annotations(path)
    assert content['split'] == split
    assert content['meta'] == META
    np.testing.assert_array_equal(content['annotations'][1]['keypoint'], samples[1]['keypoint'])
    assert os.listdir(path.parent) == ['ann.pkl']  # nothing temporary is left


def test_mmaction2_reads_what_we_save(tmp_path):
    path = tmp_path / 'ann.pkl'
    save_annotations(path, [sample('s0'), sample('s1', 1)], {'train': ['s0'], 'val': ['s1']}, META)
    dataset = PoseDataset(str(path), pipeline=[], split='val')
    assert len(dataset) == 1
    assert dataset[0]['label'] == 1
    np.testing.assert_array_equal(dataset[0]['keypoint'], sample()['keypoint'])


def test_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / 'ann.pkl'
    save_annotations(path, [sample()], {}, META)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"ann.pkl: sample 's1' holds <function .* \(function\)"):
        save_annotations(path, [sample('s0'), sample('s1', extra=lambda: None)], {}, META)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ['ann.pkl']


def test_an_iterator_is_written_as_a_list_is(tmp_path):
    samples = [sample(f's{index}', extra=[1, (2, 'x'), {'y': np.float32(3)}]) for index in range(2500)]
    split = {'train': ['s0']}
    save_annotations(tmp_path / 'list.pkl', samples, split, META)
    save_annotations(tmp_path / 'iterator.pkl', (copy.deepcopy(item) for item in samples), split, META)
    assert (tmp_path / 'list.pkl').read_bytes() == (tmp_path / 'iterator.pkl').read_bytes()
    plain, safe = pickle.loads((tmp_path / 'list.pkl').read_bytes()), load_annotations(tmp_path / 'list.pkl')
    for content in (plain, safe):
        assert (content['split'], content['meta']) == (split, META)
        assert type(content['annotations']) is list
        assert [item['frame_dir'] for item in content['annotations']] == [item['frame_dir'] for item in samples]
        assert content['annotations'][7]['extra'] == samples[7]['extra']
        np.testing.assert_array_equal(content['annotations'][-1]['keypoint'], samples[-1]['keypoint'])


@pytest.mark.parametrize('count', [0, 1])
def test_few_samples(tmp_path, count):
    save_annotations(tmp_path / 'ann.pkl', iter([sample()] * count), {}, META)
    assert len(load_annotations(tmp_path / 'ann.pkl')['annotations']) == count


def test_samples_are_let_go_as_they_are_written(tmp_path):
    alive, most = weakref.WeakValueDictionary(), []

    class Array(np.ndarray):
        pass

    def stream():
        for index in range(50):
            item = sample(f's{index}')
            item['keypoint'] = item['keypoint'].view(Array)
            alive[index] = item['keypoint']
            most.append(len(alive))
            yield item

    save_annotations(tmp_path / 'ann.pkl', stream(), {}, META)
    assert max(most) <= 4
    assert type(load_annotations(tmp_path / 'ann.pkl')['annotations'][0]['keypoint']) is np.ndarray


def test_split_and_meta_may_be_filled_while_streaming(tmp_path):
    split = {'train': []}

    def stream():
        for index in range(3):
            split['train'].append(f's{index}')
            yield sample(f's{index}')

    save_annotations(tmp_path / 'ann.pkl', stream(), split, MappingProxyType(META))
    content = load_annotations(tmp_path / 'ann.pkl')
    assert content['split'] == {'train': ['s0', 's1', 's2']}
    assert content['meta'] == META


def raising():
    yield sample('s0')
    raise RuntimeError('the source is broken')


@pytest.mark.parametrize(
    ('annotations', 'error', 'message'),
    [
        (raising, RuntimeError, 'the source is broken'),
        (lambda: [sample('s0'), sample('s0')], ValueError, "there once; repeated is 's0'"),
        (lambda: [[1]], ValueError, 'expected annotation 0 to be a dict'),
        (lambda: [sample(None)], ValueError, "annotation 0 to have a string 'frame_dir'"),
        (lambda: [sample(extra=np.array([None]))], ValueError, r"sample 's0' holds an array of object \(ndarray\)"),
        (lambda: [sample(extra=np.datetime64('2020'))], ValueError, "sample 's0' holds .*datetime64"),
    ],
)
def test_what_could_not_be_read_is_not_written(tmp_path, annotations, error, message):
    with pytest.raises(error, match=message):
        save_annotations(tmp_path / 'ann.pkl', annotations(), {}, META)
    assert os.listdir(tmp_path) == []
    with pytest.raises(ValueError, match="ann.pkl: 'split' or 'meta' holds"):
        save_annotations(tmp_path / 'ann.pkl', [sample()], {}, {'classes': max})


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
@pytest.mark.parametrize('protocol', [2, 3])
def test_pickles_of_numpy_1_and_2(tmp_path, core, protocol):
    # Protocols 2 and 3 name globals as lines of text, so another NumPy's pickle can be written here.
    data = pickle.dumps([sample(score=np.float64(0.5))], protocol=protocol)
    for written in (b'numpy._core', b'numpy.core'):
        data = data.replace(b'c' + written, b'c' + core.encode())
    path = tmp_path / 'ann.pkl'
    path.write_bytes(data)
    modules = {arg.split()[0] for opcode, arg, _ in pickletools.genops(data) if opcode.name == 'GLOBAL'}
    assert f'{core}.multiarray' in modules
    (read,) = load_annotations(path)['annotations']
    np.testing.assert_array_equal(read['keypoint'], sample()['keypoint'])
    assert read['score'] == 0.5


def test_plain_list_and_filename(tmp_path):
    item = sample()
    item['filename'] = item.pop('frame_dir')
    content = load_annotations(dump(tmp_path / 'old.pkl', [item]))
    assert content['split'] == {}
    assert content['meta'] == {}
    assert content['annotations'][0]['frame_dir'] == 's0'


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
    with pytest.raises(ValueError, match=f'evil.pkl: refused.*{named}') as error:
        load_annotations(path)
    assert not mark.exists()
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_only_latin1_bytes_are_decoded(tmp_path):
    path = tmp_path / 'evil.pkl'
    path.write_bytes(b'\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.')
    with pytest.raises(ValueError, match='evil.pkl: refused.*rot13'):
        load_annotations(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.pkl: no such annotation file; expected a pickle'):
        load_annotations(tmp_path / 'nowhere.pkl')


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'', 'is empty'),
        (b'version https://git-lfs.github.com/spec/v1\n', 'not a pickle, it starts with'),
        (b'{"split": {}}', 'not a pickle'),
        (pickle.dumps([sample()])[:-100], 'truncated or damaged pickle of'),
        (pickle.dumps([sample()])[:1], 'truncated or damaged pickle of'),
        (pickle.dumps(3), 'got int'),
        (pickle.dumps({'images': []}), r"got a dict with the keys \['images'\]"),
        (pickle.dumps({'annotations': {}}), 'no list of annotations'),
        (pickle.dumps({'annotations': [], 'split': ['train']}), "expected 'split' to be"),
        (pickle.dumps({'annotations': [], 'split': {'train': 's0'}}), "expected 'split' to be"),
        (pickle.dumps({'annotations': [], 'meta': 'sbu'}), "expected 'meta' to be a dict"),
        (pickle.dumps([[1]]), 'expected annotation 0 to be a dict'),
        (pickle.dumps([{'label': 1}]), "expected annotation 0 to have a string 'frame_dir'"),
        (pickle.dumps([sample('s0'), sample('s1'), sample('s0')]), "repeated are 's0'$"),
    ],
)
def test_wrong_file(tmp_path, data, message):
    path = tmp_path / 'wrong.pkl'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f'^{path}: .*{message}') as error:
        load_annotations(path)
    assert error.value.__cause__ is None
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_folder_instead_of_file(tmp_path):
    with pytest.raises(ValueError, match='got a directory'):
        load_annotations(tmp_path)


def test_good_samples_pass():
    validate_annotation(sample(), 15, 2)
    validate_annotation(sample(label=np.int64(1), keypoint=np.ones((3, 5, 15, 2), np.float16)), 15, 2)
    validate_annotation(sample(keypoint_score=np.ones((2, 5, 15), np.float16)), 15)


def broken(index, value):
    keypoint = sample()['keypoint']
    keypoint[index] = value
    return {'keypoint': keypoint}


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
        ({'total_frames': None}, "expected 'total_frames'"),
        (broken((1, 3, 7, 0), np.nan), r"finite 'keypoint', got NaN or infinity \(first: person 1, frame 3, joint 7\)"),
        (broken((0, 0, 0, 2), np.inf), 'NaN or infinity'),
        ({'keypoint_score': np.ones((2, 4, 15))}, r"expected 'keypoint_score' of shape \(2, 5, 15\), got shape"),
        ({'keypoint_score': np.full((2, 5, 15), np.nan)}, "finite 'keypoint_score'"),
        ({'label': 2}, "expected 'label' below 2, the number of classes, got 2"),
        ({'label': -1}, "expected 'label' to be a class number"),
        ({'label': 1.0}, "expected 'label' to be a class number"),
        ({'label': True}, "expected 'label' to be a class number"),
        ({'label': None}, "expected 'label' to be a class number"),
    ],
)
def test_bad_samples_name_file_and_sample(changes, message):
    with pytest.raises(ValueError, match=f"^some.pkl: sample 's0': .*{message}"):
        validate_annotation(sample(**changes), 15, 2, 'some.pkl')
