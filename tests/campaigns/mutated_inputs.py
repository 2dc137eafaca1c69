"""Damaged and hostile inputs of every reader: one clear error or a valid result, in bounded time and memory."""

import contextlib
import copy
import gzip
import io
import json
import multiprocessing
import os
import pickle
import random
import signal
import struct
import sys
import tempfile
import threading
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asea_mm.apis.loading import load_model
from asea_mm.datasets import InteractionPoseDataset, load_annotations, save_annotations
from asea_mm.datasets.check import check_annotations
from asea_mm.datasets.converters import CONVERTERS
from asea_mm.datasets.converters.annotation_file import convert_annotations
from asea_mm.datasets.recordings.finish import finish_recording
from asea_mm.datasets.recordings.samples import read_recording
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_runs
from asea_mm.skeletons import get_skeleton, read_layout
from tests.datasets.ntu_files import clip_text, person

LAYOUT = {'name': 'stick2', 'joints': ['head', 'foot'], 'bones': [['head', 'foot']], 'mirrored': [], 'centre': 'foot'}
SECONDS, MEGABYTES, CHARACTERS = 5, 1000, 500
HUGE: list[Any] = [
    0,
    -1,
    1,
    2**31,
    2**63,
    -(2**63),
    10**30,
    10**400,
    1e30,
    1e300,
    float('nan'),
    float('inf'),
    3e9,
    99999,
]
WRONG: list[Any] = [
    *(None, True, '', 'x', 'x' * 1_000_000, b'x', [], {}, (), set(), [[]], {'x': 1}, [None], [1, 'x'], {1: 2}, 1.5),
    *(np.zeros(0), np.ones((2, 2)), np.array('x'), np.float64('nan'), np.ones((1, 0, 2, 3)), range(3)),
]


# ---------------------------------------------------------------- mutators


def damaged_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, flipped, overwritten, repeated, with numbers that are too large, with one long line."""
    for _ in range(rng.choice([1, 1, 2, 6])):
        start = rng.randrange(len(data) + 1)
        stop = min(len(data), start + rng.choice([0, 1, 1, 4, 30, 1000]))
        kind = rng.randrange(8)
        if kind == 0:
            data = data[:start]
        elif kind == 1 and data:
            place = rng.randrange(len(data))
            data = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        elif kind == 2:
            data = data[:start] + rng.randbytes(stop - start) + data[stop:]
        elif kind == 3:
            data = data[:start] + data[start:stop] * rng.choice([2, 3, 500]) + data[stop:]
        elif kind == 4:
            number = str(rng.choice(HUGE)).encode()
            data = data[:start] + number + data[stop:]
        elif kind == 5:
            piece = rng.choice([b',', b'9', b'[', b'(', b'{"a":', b'x', b'"', b' ', b'\n', b'-', b'0,', b'\x00', b']'])
            data = data[:start] + piece * rng.choice([1, 10, 1000, 1_000_000]) + data[stop:]
        elif kind == 6:
            data = data[:start] + data[stop:]
        else:
            data = (
                data[:start] + struct.pack(rng.choice(['<I', '<Q', '>I']), 2**32 - 1 >> rng.randrange(9)) + data[stop:]
            )
    return data


def nested(rng: random.Random, plain: bool) -> Any:
    """Few bytes that stand for much: shared containers, and deep ones."""
    kind: Any = rng.choice([list, dict] if plain else [list, dict, tuple, tuple])
    deep = plain or rng.random() < 0.4
    value: Any = 1
    for _ in range(rng.choice([60, 300, 900] if deep else [10, 25, 200])):
        count = 1 if deep else 10
        value = {str(number): value for number in range(count)} if kind is dict else kind([value] * count)
    return value


def damaged_tree(tree: Any, rng: random.Random, plain: bool = False) -> Any:
    """A field of another type, or huge, or nested, or left out, anywhere in containers."""
    root = [copy.deepcopy(tree)]
    for _ in range(rng.choice([1, 1, 2])):
        node: Any = root
        key: Any = 0
        while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.85:
            node = node[key]
            key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
        draw = rng.random()
        if draw < 0.1 and node is not root:
            del node[key]
        elif draw < 0.25:
            node[key] = nested(rng, plain)
        elif draw < 0.5:
            node[key] = rng.choice(HUGE)
        elif draw < 0.6 and isinstance(node[key], np.ndarray) and node[key].size:
            array = node[key] = np.array(node[key])
            if array.dtype.kind in 'fi':
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore')
                    value = rng.choice([1e30, 1e19, -1e38, 2e5, np.nan, np.inf, 0, 2000])
                    array.flat[rng.randrange(array.size)] = value if array.dtype.kind == 'f' else int(2e9)
        elif draw < 0.7 and isinstance(node[key], np.ndarray) and node[key].ndim:
            array = node[key]
            node[key] = rng.choice(
                [
                    array[..., None],
                    array[..., :1],
                    array.T,
                    array.astype('c8'),
                    array.astype('S3'),
                    array[:0],
                    array.ravel(),
                ]
            )
        else:
            value = rng.choice(WRONG)
            node[key] = copy.deepcopy(value)
    return root[0]


def as_json(tree: Any, rng: random.Random) -> bytes:
    try:
        text = json.dumps(damaged_tree(tree, rng, plain=True), default=str)
    except (RecursionError, ValueError):
        text = '[' * 5000
    return text.encode() if rng.random() < 0.6 else damaged_bytes(text.encode(), rng)


# Opcodes one by one: what no pickler writes.
_SOUP = [bytes([code]) for code in b'()]}.0125NKtaesubRcQiod\x85\x86\x87\x88\x8f\x90\x91\x93\x94\x81\x92\x96\x97\x98']
_SOUP += [
    b'K\x01',
    b'h\x00',
    b'q\x00',
    b'j\xff\xff\xff\x7f',
    b'r\xff\xff\xff\x7f',
    b'X\xff\xff\xff\x7f',
    b'B\xff\xff\xff\xff',
]
_SOUP += [
    b'\x8d' + b'\xff' * 8,
    b'\x8e' + b'\xff' * 7 + b'\x0f',
    b'cnumpy\ndtype\n',
    b'cnumpy\nndarray\n',
    b'I99\n',
    b'L9L\n',
]
_SOUP += [b'cnumpy.core.multiarray\n_reconstruct\n', b'cnumpy.core.multiarray\nscalar\n', b'cbuiltins\nbytearray\n']
_SOUP += [b'cnumpy.core.numeric\n_frombuffer\n', b'cbuiltins\nset\n', b'ccollections\nOrderedDict\n', b'ctorch\nSize\n']
_SOUP += [b'J\xff\xff\xff\x7f', b'\x8a\xff' + b'\x7f' * 255, b'X\x02\x00\x00\x00f8', b'C\x00', b'G' + b'\x7f' * 8]


def hostile_pickle(rng: random.Random) -> bytes:
    """Chains of opcodes that would ask for memory, time or the C stack."""
    kind = rng.randrange(8)
    if kind == 0:
        return b'\x80\x04' + b''.join(rng.choices(_SOUP, k=rng.choice([5, 50, 1000]))) + b'.'
    many = rng.choice([100, 10_000, 300_000])
    if kind == 1:  # the hash of a deep tuple
        return b'\x80\x04}K\x01' + b'\x85' * many + b'K\x01s.'
    if kind == 2:  # the hash of a tuple that holds the one before twice
        return b'\x80\x04}K\x01' + b'\x94h\x00\x86' * min(many, 200) + b'K\x01s.'
    if kind == 3:
        opened = rng.choice([b']', b'}', b'(', b'\x8f', b']\x94', b'N\x94', b'(N'])
        return b'\x80\x04' + opened * many + b'.'
    if kind == 4:  # arrays whose states NumPy would trust
        shape = rng.choice([(-2, -3), (10**12,), (2**62, 4), (0, 10**15), (2,) * 40, (1.5,), ('x',), ((1,),)])
        dtype = rng.choice(['f8', 'S5', 'U9', 'O', 'V8', 'f8,f8', 'S', 'M8[s]', 'S999999999999', 'x', '(999999,)f8'])
        flags = rng.choice([0, 1, 27, 63])
        inner = pickle.dumps((3, '|', None, None, None, rng.choice([-1, 8, 2**31 - 1]), 1, flags), 2)[2:-1]
        begin = b'\x80\x02]cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n' + pickle.dumps((0,), 2)[2:-1]
        begin += pickle.dumps('b', 2)[2:-1] + b'\x87R(K\x01' + pickle.dumps(shape, 2)[2:-1] + b'cnumpy\ndtype\n'
        begin += pickle.dumps((dtype, False, True), 2)[2:-1] + b'R' + inner + b'b\x89'
        return begin + pickle.dumps(bytes(48), 3)[2:-1] + b'tba.'
    if kind == 5:  # numbers that collide as keys
        keys = b''.join(pickle.dumps(number * (2**61 - 1), 2)[2:-1] + b'N' for number in range(min(many, 20_000)))
        return b'\x80\x02}(' + keys + b'u.'
    if kind == 6:  # an array, a text or a sample a million times
        sample = {'frame_dir': 'a', 'label': 0, 'total_frames': 4000, 'keypoint': np.ones((2, 4000, 2, 3), np.float32)}
        item = pickle.dumps(rng.choice([sample, sample['keypoint'], 'x' * 100_000, [['x'] * 1000]]), 2)[2:-1]
        return b'\x80\x02}(' + pickle.dumps('annotations', 2)[2:-1] + b'](' + item + b'q\xff' + b'h\xff' * many + b'eu.'
    return b'\x80\x02' + rng.choice([b'I', b'L', b'F', b'V', b'S', b'p', b'g', b'c']) + b'9' * many + b'\n.'


def as_pickle(tree: Any, rng: random.Random) -> bytes:
    draw = rng.random()
    if draw < 0.25:
        data = hostile_pickle(rng)
    else:
        try:
            data = pickle.dumps(damaged_tree(tree, rng), rng.choice([0, 2, 4, 5]))
        except (RecursionError, TypeError):
            data = hostile_pickle(rng)
        if draw > 0.7:
            data = damaged_bytes(data, rng)
    return gzip.compress(data, 1) if rng.random() < 0.1 else data


def as_npy(array: Any, rng: random.Random) -> bytes:
    file = io.BytesIO()
    if rng.random() < 0.3:
        shape = rng.choice([(10**9, 3), (-1,), (2, 3, 2, 3), (0,), (10**12,), (2**62, 8), (10**6,) * 3, ()])
        descr = rng.choice(['<f8', '<f4', '|O', '<U0', '|V8', '|S1000000000', '<M8[s]', '?', '<c16'])
        np.lib.format.write_array_header_1_0(file, {'descr': descr, 'fortran_order': False, 'shape': shape})
        file.write(bytes(rng.choice([0, 8, 1000])))
    else:
        value = rng.choice([*WRONG, *HUGE, np.full(np.shape(array), 1e30)]) if rng.random() < 0.5 else array
        with contextlib.suppress(Exception):
            np.save(file, np.asarray(value), allow_pickle=True)
    return damaged_bytes(file.getvalue(), rng) if rng.random() < 0.4 else file.getvalue()


def as_npz(arrays: dict[str, Any], rng: random.Random) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
        for name, array in arrays.items():
            if rng.random() < 0.9:
                archive.writestr(f'{name}.npy', as_npy(array, rng))
        if rng.random() < 0.15:
            archive.writestr(rng.choice(['keypoint.npy', 'x', 'scores.npy']), bomb(rng))
    return damaged_bytes(file.getvalue(), rng) if rng.random() < 0.3 else file.getvalue()


def bomb(rng: random.Random) -> bytes:
    """Much that compresses to little."""
    file = io.BytesIO()
    count = rng.choice([10**6, 10**7, 3 * 10**7])
    np.lib.format.write_array_header_1_0(
        file, {'descr': '<f4', 'fortran_order': False, 'shape': (2, count // 12, 2, 3)}
    )
    return file.getvalue() + bytes(4 * count)


def as_checkpoint(content: Any, rng: random.Random) -> bytes:
    draw = rng.random()
    file = io.BytesIO()
    if draw < 0.3:
        with zipfile.ZipFile(file, 'w', rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as archive:
            archive.writestr('x/data.pkl', hostile_pickle(rng))
            if rng.random() < 0.3:
                archive.writestr('x/data/0', bytes(10**7))
        return file.getvalue()
    try:
        torch.save(damaged_tree(content, rng), file, _use_new_zipfile_serialization=rng.random() < 0.6)
    except Exception:
        torch.save(content, file)
    return damaged_bytes(file.getvalue(), rng) if draw > 0.7 else file.getvalue()


def as_config(text: str, rng: random.Random) -> str:
    """A config of a checkpoint: damaged as a text, or with another value in a field."""
    if rng.random() < 0.3:
        return damaged_bytes(text.encode(), rng).decode(errors='replace')
    if rng.random() < 0.2:
        many = rng.choice([100, 10_000, 200_000])
        opened, closed = rng.choice(
            [('(', ')'), ('[', ']'), ('{1:', '}'), ('-', ''), ('not ', ''), ('dict(a=', ')'), ('x.', 'x')]
        )
        return f'{text}\nx = {opened * many}1{closed * many}'
    from mmengine.config import Config

    tree = damaged_tree(Config.fromstring(text, '.py').to_dict(), rng, plain=True)
    try:
        return '\n'.join(f'{name} = {value!r}' for name, value in dict(tree).items())
    except (TypeError, ValueError, RecursionError):
        return 'model = ' + '[' * 900 + ']' * 900


# ---------------------------------------------------------------- readers


@dataclass
class Reader:
    """A reader, and what makes damaged inputs for it."""

    write: Callable[[Path, random.Random], Path]  # into an empty folder; what is to be read
    read: Callable[[Path], Any] | list[Callable[[Path], Any]]  # several: each has all the time


def _annotation(index: int, layout_joints: int = 2) -> dict:
    keypoint = np.random.default_rng(index).normal(size=(2, 4 + index, layout_joints, 3)).astype(np.float32)
    return {'frame_dir': f's{index}', 'label': index % 2, 'total_frames': 4 + index, 'keypoint': keypoint}


META = {'layout': LAYOUT, 'classes': ['a', 'b'], 'source': 'x', 'units': 'metre'}
SPLIT = {'train': ['s0', 's1'], 'val': ['s2', 's3']}
CONTENT = {'split': SPLIT, 'annotations': [_annotation(index) for index in range(4)], 'meta': META}
OWN = {
    'frames': [{'persons': [{'id': p, 'keypoint': [[1.5, 2], [3, 4]], 'score': [1, 0.5]} for p in (1, 2)]}] * 2,
    'fps': 30,
}
INSTANCE = {'keypoints': [[1.5, 2], [3, 4]], 'keypoint_scores': [0.9, 0.8], 'bbox': [[0, 0, 1, 1]], 'track_id': 3}
MMPOSE = {'meta_info': {}, 'instance_info': [{'frame_id': i, 'instances': [INSTANCE]} for i in (1, 2)]}
COCO = [{'image_id': i, 'category_id': 1, 'keypoints': [1, 2, 0.5, 3, 4, 0.5], 'score': 1} for i in (1, 1, 2)]
OPENPOSE = {'version': 1.3, 'people': [{'person_id': [-1], 'pose_keypoints_2d': [1, 2, 0.5, 3, 4, 0.5]}] * 2}
LONG = b'frame,person,joint,x,y,z,score\n0,1,head,1,2,3,0.5\n0,1,1,1,2,3,0.5\n2,a,foot,1,2,3,1\n2,a,0,,,,0\n'
WIDE = b'frame,person,head_x,head_y,foot_x,foot_y\n0,1,1,2,3,4\n1,1,2,3,4,5\n0,2,3,4,5,6\n'
KEYPOINT = np.random.default_rng(0).normal(size=(2, 5, 2, 3)).astype(np.float32)


def _all_samples(path: Path) -> None:
    dataset = InteractionPoseDataset(str(path), [], layout=LAYOUT)
    for index in range(len(dataset)):
        dataset[index]


# All that is done with an annotation file; each on its own, for one may stop before the others.
USES: list[Callable[[Path], Any]] = [
    lambda path: list(load_annotations(path, lazy=True)['annotations']),
    _all_samples,
    partial(check_annotations, layout=None),
    lambda path: convert_annotations(path, path.with_name('converted.pkl')),
]


def _converted(name: str, **options: Any) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        conversion = CONVERTERS[name].convert(path, skip_bad=False, **options)
        list(conversion.annotations)

    return read


def _written(name: str, make: Callable[[random.Random], bytes]) -> Callable[[Path, random.Random], Path]:
    def write(folder: Path, rng: random.Random) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make(rng))
        return path

    return write


def _recording(path: Path, layout: Any = LAYOUT) -> None:
    skeleton = get_skeleton(layout)
    finish_recording(read_recording(path, skeleton), skeleton, str(path), fill_missing=True).annotation(2)


def _own_file(folder: Path, rng: random.Random) -> Path:
    """Our own form, damaged: mostly in the index and the headers."""
    path = folder / 'own.pkl'
    save_annotations(path, CONTENT['annotations'], SPLIT, META)
    data = path.read_bytes()
    if rng.random() < 0.3:
        data = damaged_bytes(data, rng)
    else:
        end = data[-1200:] if rng.random() < 0.8 else data
        damaged = damaged_bytes(end[:-24], rng)[:2_000_000] + end[-24:]
        data = data[: len(data) - len(end)] + damaged
    path.write_bytes(data)
    return path


def _poses(folder: Path, rng: random.Random) -> Path:
    about = {
        'label': 44,
        'raw_file': 'x.pkl',
        'total_frames': 3,
        'frame_inds': np.array([0, 1, 1, 2]),
        'img_shape': (240, 320),
    }
    table = {
        'split': {'train': ['v0'], 'val': ['v1']},
        'annotations': [{'frame_dir': n, **about} for n in ('v0', 'v1')],
    }
    keypoint = np.random.default_rng(0).uniform(10, 200, size=(4, 17, 3))
    poses = {name: {'keypoint': keypoint} for name in ('v0', 'v1')}
    which = rng.random() < 0.5
    name = f'{rng.getrandbits(60):x}.pkl'  # poses are kept by their file
    for annotation in table['annotations']:
        annotation['raw_file'] = name
    path = _written('k400_hrnet.pkl', lambda rng: as_pickle(table, rng) if which else pickle.dumps(table))(folder, rng)
    _written(f'kpfiles/{name}', lambda rng: pickle.dumps(poses) if which else as_pickle(poses, rng))(folder, rng)
    return path


def _stgcn(folder: Path, rng: random.Random) -> Path:
    about = {'has_skeleton': True, 'label': 'carrying baby', 'label_index': 44}
    body = {'pose': [0.5] * 36, 'score': [0.5] * 18}
    recording = {'data': [{'frame_index': i, 'skeleton': [body, body]} for i in (1, 2)], 'label_index': 44}
    which = rng.random() < 0.3
    for part in ('train', 'val'):
        table = {f'in_{part}': about}
        (folder / f'kinetics_{part}').mkdir()
        for path, content, damaged in (
            (f'kinetics_{part}_label.json', table, which),
            (f'kinetics_{part}/in_{part}.json', recording, not which),
        ):
            (folder / path).write_bytes(as_json(content, rng) if damaged else json.dumps(content).encode())
    return folder


def _sbu(folder: Path, rng: random.Random) -> Path:
    values = np.random.default_rng(0).uniform(0, 1, size=(4, 91))
    text = '\n'.join(','.join(f'{value:.5f}' for value in row) for row in values).encode()
    _written('s01s02/01/001/skeleton_pos.txt', lambda rng: damaged_bytes(text, rng))(folder, rng)
    return folder


def _ntu(folder: Path, rng: random.Random) -> Path:
    text = clip_text((72057594037931101, person(0.0, frames=2)), (72057594037931102, person(1.0, frames=2))).encode()
    return _written('S001C001P001R001A050.skeleton', lambda rng: damaged_bytes(text, rng))(folder, rng)


def _pyskl_ntu(folder: Path, rng: random.Random) -> Path:
    names = [f'S001C001P00{index}R001A050' for index in range(1, 4)]
    annotations = [{**_annotation(index, 25), 'frame_dir': name, 'label': 49} for index, name in enumerate(names)]
    content = {'split': {'xsub_train': names[:2], 'xsub_val': names[2:]}, 'annotations': annotations}
    return _written('ntu60_3d.pkl', partial(as_pickle, content))(folder, rng)


def _labels(folder: Path, rng: random.Random) -> Path:
    for index in range(4):
        np.save(folder / f'r{index}.npy', KEYPOINT)
    table = 'name,label,split,subject\n' + ''.join(f'r{i},push,{s},{i}\n' for i, s in enumerate(['train', 'val'] * 2))
    _written('labels.csv', lambda rng: damaged_bytes(table.encode(), rng))(folder, rng)
    return folder


def _read_labels(folder: Path) -> None:
    (folder / 'layout.json').write_text(json.dumps(LAYOUT), encoding='utf-8')
    _converted('custom', layout=folder / 'layout.json', labels=folder / 'labels.csv', split='column')(folder)


def _old_store(folder: Path, rng: random.Random) -> Path:
    data = np.arange(2 * 45, dtype='<f2').reshape(1, 2, 15, 3) + 1
    (folder / 'keypoint.bin').write_bytes(data.tobytes() * 2)
    index = {
        'format': 'asea_mm annotation store',
        'version': 1,
        'num_samples': 2,
        'meta': {'dict': [['layout', 'sbu15'], ['classes', ['a', 'b']]]},
        'split': {'train': [1], 'val': [0]},
        'fields': {
            'frame_dir': {'values': ['x', 'y'], 'which': [0, 1]},
            'label': {'values': [1], 'which': [0, 0]},
            'total_frames': {'values': [2], 'which': [0, 0]},
        },
        'arrays': {
            'keypoint': {'values': [{'dtype': '<f2', 'shape': [1, 2, 15, 3]}], 'which': [0, 0], 'file': 'keypoint.bin'}
        },
    }
    _written('index.json', lambda rng: as_json(index, rng))(folder, rng)
    return folder


_CHECKPOINT: dict[str, Any] = {}


def _checkpoint() -> dict[str, Any]:
    """Weights, config and meta of a tiny model, made once."""
    if not _CHECKPOINT:
        from mmaction.registry import MODELS
        from mmengine.config import Config
        from mmengine.registry import init_default_scope

        from asea_mm.engine.configs import read_config

        cfg = read_config('asea_demo')
        cfg.merge_from_dict(
            {'model.backbone.channels': [4, 8], 'model.backbone.strides': None, 'model.cls_head.in_channels': 8}
        )
        init_default_scope('mmaction')
        kept = {
            name: cfg[name] for name in ('model', 'test_dataloader', 'custom_imports', 'default_scope') if name in cfg
        }
        _CHECKPOINT['state_dict'] = dict(MODELS.build(cfg.model).state_dict())
        _CHECKPOINT['meta'] = {'cfg': Config(kept).pretty_text, 'epoch': 1, 'dataset_meta': {'classes': ['a', 'b']}}
    return _CHECKPOINT


def _config_in_checkpoint(folder: Path, rng: random.Random) -> Path:
    content = _checkpoint()
    content = {**content, 'meta': {**content['meta'], 'cfg': as_config(content['meta']['cfg'], rng)}}
    torch.save(content, folder / 'x.pth')
    return folder / 'x.pth'


SCORES = {'ids': np.array(['a', 'b']), 'scores': np.eye(2), 'labels': np.array([0, 1])}

READERS: dict[str, Reader] = {
    'annotation pickle': Reader(_written('a.pkl', partial(as_pickle, CONTENT)), USES),
    'annotation list': Reader(_written('a.pkl', partial(as_pickle, CONTENT['annotations'])), USES),
    'own annotation file': Reader(_own_file, USES),
    "PYSKL's NTU": Reader(_pyskl_ntu, _converted('ntu', benchmark='ntu26')),
    "PYSKL's Kinetics": Reader(_poses, _converted('kinetics10')),
    "ST-GCN's Kinetics": Reader(_stgcn, _converted('kinetics10')),
    'npy': Reader(_written('a.npy', partial(as_npy, KEYPOINT)), _recording),
    'npz': Reader(
        _written(
            'a.npz', partial(as_npz, {'keypoint': KEYPOINT, 'keypoint_score': KEYPOINT[..., 0], 'fps': np.array(30)})
        ),
        _recording,
    ),
    'csv': Reader(_written('a.csv', lambda rng: damaged_bytes(rng.choice([LONG, WIDE]), rng)), _recording),
    'json': Reader(
        _written('a.json', lambda rng: as_json(rng.choice([OWN, MMPOSE, MMPOSE['instance_info'], COCO]), rng)),
        _recording,
    ),
    'OpenPose': Reader(
        _written('a/v_1_keypoints.json', partial(as_json, OPENPOSE)), lambda path: _recording(path.parent)
    ),
    'skeleton': Reader(_ntu, partial(_recording, layout='nturgbd25')),
    'NTU folder': Reader(lambda folder, rng: _ntu(folder, rng).parent, _converted('ntu', benchmark='ntu26')),
    'SBU': Reader(_sbu, _converted('sbu')),
    'label table': Reader(_labels, _read_labels),
    'layout': Reader(_written('layout.json', partial(as_json, LAYOUT)), read_layout),
    'old store': Reader(_old_store, lambda path: convert_annotations(path, path / 'new.pkl')),
    'scores': Reader(_written('scores.npz', partial(as_npz, SCORES)), read_runs),
    'checkpoint': Reader(_written('x.pth', lambda rng: as_checkpoint(_checkpoint(), rng)), load_model),
    'config in a checkpoint': Reader(_config_in_checkpoint, load_model),
}


# ---------------------------------------------------------------- the campaign


@dataclass
class Findings:
    """What went wrong, with seeds to make it again."""

    inputs: int = 0
    accepted: int = 0
    tracebacks: dict[str, int] = field(default_factory=dict)  # the first seed of each kind
    num_tracebacks: int = 0
    hangs: list[int] = field(default_factory=list)
    large: list[int] = field(default_factory=list)
    messages: list[int] = field(default_factory=list)  # which do not name the file, or are too long

    def figures(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value or name in ('inputs', 'accepted')}


def megabytes() -> float:
    """The most memory that this process has had so far; 0 where nobody tells."""
    if sys.platform == 'win32':
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == 'darwin' else 2**10)


class Hang(BaseException):
    """It takes too long."""


@contextlib.contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raises :class:`Hang` after this time of the processor, where there are alarms and this is the main thread."""
    if sys.platform == 'win32' or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def attempt(reader: Reader, seed: int, findings: Findings) -> None:
    """Write one damaged input and read it."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        path = reader.write(Path(name), rng)
        findings.inputs += 1
        reads = reader.read if isinstance(reader.read, list) else [reader.read]
        # all of them, though the first may do for a refusal
        results = [_read(read, path, name, seed, findings) for read in reads]
        findings.accepted += all(results)


def _read(read: Callable[[Path], Any], path: Path, name: str, seed: int, findings: Findings) -> bool:
    """Whether it was read; what goes wrong is found."""
    before, start = megabytes(), time.process_time()
    accepted = False
    try:
        # other processes may have the machine: the time is that of this one
        with limited(SECONDS), warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter('ignore')
            warnings.filterwarnings('error', category=RuntimeWarning, module='asea_mm')
            read(path)
        accepted = True
    except (InputError, FileNotFoundError) as error:
        lines = str(error).split('\n')
        if name not in str(error) or any(len(line) - len(name) >= CHARACTERS for line in lines):
            findings.messages.append(seed)
    except Hang:
        findings.hangs.append(seed)
    except Exception as error:
        findings.num_tracebacks += 1
        findings.tracebacks.setdefault(f'{type(error).__name__}: {error}'[:150], seed)
    if time.process_time() - start > SECONDS and seed not in findings.hangs:
        findings.hangs.append(seed)
    if megabytes() - max(before, 0) > MEGABYTES:
        findings.large.append(seed)
    return accepted


def _worker(name: str, seeds: range, answers: Any) -> None:
    findings, reader = Findings(), READERS[name]
    for seed in seeds:
        answers.put(seed)
        attempt(reader, seed, findings)
    answers.put(findings)


def isolated(name: str, seeds: range) -> tuple[Findings, list[int]]:
    """The findings of a process of its own, and the inputs that ended it or that nothing could interrupt."""
    context = multiprocessing.get_context('fork' if sys.platform == 'linux' else None)
    total, fatal = Findings(), []
    start = seeds.start
    while start < seeds.stop:
        answers: Any = context.Queue()
        process = context.Process(target=_worker, args=(name, range(start, min(start + 500, seeds.stop)), answers))
        process.start()
        seed, done, last = start, False, time.monotonic()
        while not done:
            try:
                answer = answers.get(timeout=1)
                last = time.monotonic()
            except Exception:  # nothing came yet: it is at work, hangs, or is no more
                if process.is_alive() and time.monotonic() - last < 60 * SECONDS:
                    continue
                process.kill()
                fatal.append(seed)
                start, done = seed + 1, True
                continue
            if isinstance(answer, Findings):
                start, done = start + answer.inputs, True
                for key, value in vars(answer).items():
                    before = getattr(total, key)
                    setattr(total, key, {**value, **before} if isinstance(value, dict) else before + value)
            else:
                seed = answer
        process.join()
    return total, fatal


def main(quick: bool, count: int = 2000, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Figures by reader; ``fatal`` are inputs that ended the process, or that nothing could interrupt."""
    if quick:
        count = 6
    figures: dict[str, Any] = {}
    for name in names or READERS:
        if quick:
            findings, fatal = Findings(), []
            for seed in range(count):
                attempt(READERS[name], seed, findings)
        else:
            findings, fatal = isolated(name, range(count))
        figures[name] = findings.figures() | ({'fatal': fatal} if fatal else {})
    return figures


if __name__ == '__main__':
    print(json.dumps(main(False, int(os.environ.get('COUNT', 2000)), tuple(sys.argv[1:])), indent=1))
