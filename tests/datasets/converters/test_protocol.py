"""What all converters share: how they are called, what they return, and what becomes of recordings that are wrong."""

import inspect
import json
import os
import pickle

import numpy as np
import pytest

from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.converters import CONVERTERS
from asea_mm.datasets.converters.protocol import AHEAD, CHUNK, ordered_map
from asea_mm.errors import InputError
from asea_mm.skeletons import Skeleton
from tests.datasets.ntu_files import person, write_clip

from .test_k3hi import write_k3hi
from .test_kinetics import LEFT, RIGHT, stgcn_recording, write_tree
from .test_kinetics_pyskl import ENTRY, published, write
from .test_sbu import GOOD, write_sbu

NTU_NAMES = [f'S001C00{camera}P00{performer}R001A05{camera}' for performer in (1, 3) for camera in (1, 2, 3)]


def sbu(root):
    files = [write_sbu(root, f'fold{fold}/0{fold}/001', GOOD + '\n' + GOOD) for fold in (1, 2, 3)]
    return root, {}, files


def k3hi(root):
    return root, {}, [write_k3hi(root, f'kicking/{number}') for number in (1, 30, 51)]


def ntu(root):
    files = [write_clip(root, name, (1, person(-0.5, 6)), (2, person(0.5, 6))) for name in NTU_NAMES]
    return root, {'benchmark': 'ntu11'}, files


def stgcn(root):
    write_tree(root, {'held_out': stgcn_recording([LEFT, RIGHT], label=314)}, 'val')
    write_tree(root, {name: stgcn_recording([LEFT, RIGHT]) for name in 'abc'})
    return root, {}, sorted(root.glob('kinetics_*/*.json'))


def custom(root):
    files = []
    for number in range(8):
        (folder := root / 'mine' / ('hug', 'push')[number % 2]).mkdir(parents=True, exist_ok=True)
        np.save(folder / f'{number}.npy', np.random.default_rng(number).normal(size=(2, 5, 4, 3)))
        files.append(folder / f'{number}.npy')
    joints = ['head', 'pelvis', 'left_hand', 'right_hand']
    layout = dict(
        name='stick4', joints=joints, bones=[['head', 'pelvis'], ['left_hand', 'head'], ['right_hand', 'head']]
    )
    (root / 'layout.json').write_text(json.dumps(layout))
    return root / 'mine', {'layout': root / 'layout.json', 'labels': 'folders', 'split': 'kfold:2'}, files


def ntu_pickle(root):
    samples = [
        {'frame_dir': name, 'label': int(name[-3:]) - 1, 'keypoint': person(0, 5)[None], 'total_frames': 5}
        for name in NTU_NAMES
    ]
    (root / 'ntu60_3d.pkl').write_bytes(pickle.dumps({'split': {}, 'annotations': samples}))
    return root / 'ntu60_3d.pkl', {'benchmark': 'ntu11'}, []


def hrnet(root):
    return write(root / 'k.pkl', [published(name) for name in 'abc'], {'raw.pkl': dict.fromkeys('abc', ENTRY)}), {}, []


OF_FILES = {'sbu': sbu, 'k3hi': k3hi, 'ntu': ntu, 'kinetics10': stgcn, 'custom': custom}
SOURCES = [*OF_FILES.items(), ('ntu', ntu_pickle), ('kinetics10', hrnet)]
of_files = pytest.mark.parametrize(('name', 'make'), OF_FILES.items(), ids=OF_FILES)


@pytest.mark.parametrize(('name', 'make'), SOURCES, ids=[make.__name__ for _, make in SOURCES])
def test_contract(tmp_path, name, make):
    source, options, _ = make(tmp_path)
    steps: list[tuple[int, int]] = []
    conversion = CONVERTERS[name].convert(source, progress=lambda *step: steps.append(step), **options)
    samples = list(conversion.annotations)
    assert steps == [(done, len(samples)) for done in range(1, len(samples) + 1)]
    assert conversion.problems == []
    assert set(conversion.meta) == {'layout', 'classes', 'source', 'units'}
    assert set().union(*conversion.split.values()) == {sample['frame_dir'] for sample in samples}
    for split in conversion.split:
        if split.endswith('train'):
            assert set(conversion.split[split]).isdisjoint(conversion.split[split.replace('train', 'val')])

    save_annotations(tmp_path / 'out.pkl', samples, conversion.split, conversion.meta)  # checks all of it
    content = load_annotations(tmp_path / 'out.pkl')
    assert (content['split'], content['meta']) == (conversion.split, conversion.meta)
    np.testing.assert_equal(content['annotations'], samples)


@of_files
def test_a_bad_recording_is_left_out_or_raised(tmp_path, name, make):
    source, options, files = make(tmp_path)
    files[0].write_bytes(b'\xff')
    conversion = CONVERTERS[name].convert(source, skip_bad=True, **options)
    samples = list(conversion.annotations)
    assert len(samples) == len(files) - 1
    (problem,) = conversion.problems
    assert str(files[0]) in problem
    assert set().union(*conversion.split.values()) == {sample['frame_dir'] for sample in samples}

    files[1].write_bytes(b'')
    with pytest.raises(InputError, match='nothing is written') as error:
        list(CONVERTERS[name].convert(source, **options).annotations)
    folder = os.path.commonpath(files[:2])  # which is named once where both are wrong alike
    assert all(os.path.relpath(file, folder) in str(error.value) for file in files[:2])


@of_files
def test_nothing_left_is_an_error(tmp_path, name, make):
    source, options, files = make(tmp_path)
    for file in files:
        file.write_bytes(b'')
    with pytest.raises(InputError, match='expected recordings that can be converted, got none'):
        list(CONVERTERS[name].convert(source, skip_bad=True, **options).annotations)
    with pytest.raises(FileNotFoundError, match='nowhere: '):
        CONVERTERS[name].convert(tmp_path / 'nowhere', **options)


def test_our_own_faults_are_not_problems_of_recordings(tmp_path, monkeypatch):
    source, options, _ = sbu(tmp_path)
    monkeypatch.setattr(
        'asea_mm.datasets.converters.sbu.convert.read_sbu_skeleton', lambda path: np.ones(3) + np.ones(2)
    )
    with pytest.raises(ValueError, match='broadcast'):
        list(CONVERTERS['sbu'].convert(source, skip_bad=True).annotations)


@pytest.mark.parametrize('name', CONVERTERS)
def test_options_are_the_arguments_of_convert(name):
    converter = CONVERTERS[name]
    arguments = list(inspect.signature(converter.convert).parameters)
    assert arguments == ['source', *converter.options, 'progress', 'skip_bad']
    defaults = {option: keywords.get('default') for option, keywords in converter.options.items()}
    assert converter.out.format(name='x', **defaults).startswith('data/')


def test_recordings_are_read_and_the_layout_built_once(tmp_path, monkeypatch):
    source, options, files = custom(tmp_path)
    built, read = [], []
    build, load = Skeleton.__post_init__, np.load
    monkeypatch.setattr(Skeleton, '__post_init__', lambda self: built.append(self.name) or build(self))
    monkeypatch.setattr(np, 'load', lambda path, *args, **kwargs: read.append(path) or load(path, *args, **kwargs))
    list(CONVERTERS['custom'].convert(source, **options).annotations)
    assert sorted(read) == sorted(files)
    assert len(built) < len(files)


def _square(number: int) -> int:
    return number * number


def _die(number: int) -> None:
    os._exit(1)


def test_processes_keep_the_order():
    numbers = range(3 * AHEAD + 5)
    assert list(ordered_map(_square, numbers, 2)) == [number * number for number in numbers]


def test_a_killed_process_is_named():
    with pytest.raises(OSError, match='was killed'):
        list(ordered_map(_die, range(3 * CHUNK), 2))
