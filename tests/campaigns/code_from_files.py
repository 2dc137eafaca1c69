"""Files that carry code: whatever they ask for, none of it runs."""

import builtins
import io
import pickle
import struct
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import _load_checkpoint

from asea_mm.apis import InteractionInferencer
from asea_mm.datasets import load_annotations, save_annotations
from asea_mm.datasets.converters.kinetics.pyskl import read_pyskl
from asea_mm.datasets.files.stored_samples import FOOTER, StoredSamples
from asea_mm.datasets.recordings.samples import read_recording
from asea_mm.engine.checkpoints import guard_mmengine, read_checkpoint
from asea_mm.engine.fused import take_model
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import read_scores
from asea_mm.skeletons import get_skeleton

MARK = 'somebody_was_here'
MODULE = 'module_of_an_attacker'
# Calls: module, name and arguments; each would leave the file MARK in the working folder.
CALLS: list[tuple[str, str, tuple]] = [
    *((module, 'system', (f'touch {MARK}',)) for module in ('os', 'posix', 'nt')),
    *(('os', name, (f'touch {MARK}',)) for name in ('popen', 'path.os.system')),
    *((module, name, (f"open('{MARK}', 'w')",)) for module in ('builtins', '__builtin__') for name in ('eval', 'exec')),
    ('builtins', 'open', (MARK, 'w')),
    ('io', 'open', (MARK, 'w')),
    ('builtins', '__import__', (MODULE,)),
    ('importlib', 'import_module', (MODULE,)),
    ('subprocess', 'Popen', (['touch', MARK],)),
    ('subprocess', 'getoutput', (f'touch {MARK}',)),
    ('pathlib', 'Path.touch', (MARK,)),
    ('runpy', 'run_module', (MODULE,)),
    ('runpy', 'run_path', (f'{MODULE}.py',)),
    ('pydoc', 'locate', (MODULE,)),
    ('timeit', 'timeit', (f"open('{MARK}', 'w')",)),
    ('numpy', 'savetxt', (MARK, [1.0])),
    ('numpy', 'load', ('payload.npy', None, True)),
    ('numpy', 'fromfile.__class__', (MARK,)),
    ('torch', 'save', (1, MARK)),
    ('torch.hub', 'load', ('.', 'x')),
    ('mmengine', 'load', ('payload.pkl',)),
    ('mmengine', 'dump', (1, f'{MARK}.json')),
    ('mmengine.config', 'Config.fromfile', (f'{MODULE}.py',)),
    ('asea_mm.datasets.files.whole', 'write_whole', (MARK, 'x')),
    (MODULE, 'anything', ()),
    ('antigravity', 'geohash', ()),
]


def _text(text: str) -> bytes:
    data = text.encode()
    return pickle.BINUNICODE + struct.pack('<I', len(data)) + data


def _named(module: str, name: str) -> bytes:
    return pickle.GLOBAL + f'{module}\n{name}\n'.encode()


def _plain(value: object) -> bytes:
    """Opcodes of a value, without frames, protocol and end."""
    return pickle.dumps(value, 2)[2:-1]


def opcode_forms(module: str, name: str, arguments: tuple) -> Iterator[bytes]:
    """The ways in which a pickle can ask for a call; opcodes that leave one value."""
    called, given = _named(module, name), _plain(arguments)
    stacked = _text(module) + _text(name) + pickle.STACK_GLOBAL
    yield called + given + pickle.REDUCE
    yield stacked + given + pickle.REDUCE
    yield called + given + pickle.NEWOBJ
    yield called + given + pickle.EMPTY_DICT + pickle.NEWOBJ_EX
    yield pickle.MARK + b''.join(map(_plain, arguments)) + pickle.INST + f'{module}\n{name}\n'.encode()
    yield pickle.MARK + called + b''.join(map(_plain, arguments)) + pickle.OBJ
    # as the method that takes a state
    yield (
        _named('collections', 'OrderedDict') + b')R' + _plain('__setstate__') + called + b's'
        + given + pickle.BUILD
    )  # fmt: skip
    yield _named('functools', 'partial') + called + pickle.TUPLE1 + pickle.REDUCE + given + pickle.REDUCE
    yield _named('builtins', 'map') + called + _plain([arguments[0] if arguments else 1]) + b'\x86R'
    yield called + pickle.BINPERSID


def _pickled(opcodes: bytes, protocol: int = 4) -> bytes:
    return pickle.PROTO + bytes([protocol]) + opcodes + pickle.STOP


def _sample(opcodes: bytes) -> bytes:
    """Opcodes of an annotation file with the value in a sample."""
    return b'}(' + _text('annotations') + b']}(' + _text('frame_dir') + _text('s0') + _text('x') + opcodes + b'uas.'


def annotation_files(folder: Path, opcodes: bytes) -> Iterator[Callable]:
    for content in (_pickled(opcodes), pickle.PROTO + b'\x04' + _sample(opcodes)):
        path = folder / 'a.pkl'
        path.write_bytes(content)
        yield partial(load_annotations, path)
    # our own form: in the index, in the headers, in a sample
    whole = folder / 'own.pkl'
    keypoint = np.ones((2, 3, 15, 3), np.float32)
    save_annotations(
        whole,
        [{'frame_dir': 's0', 'label': 0, 'total_frames': 3, 'keypoint': keypoint}],
        {},
        {'layout': 'sbu15', 'classes': ['a']},
    )
    data, stored = whole.read_bytes(), StoredSamples(whole)
    index_start, magic = FOOTER.unpack(data[-FOOTER.size :])
    own = folder / 'b.pkl'
    own.write_bytes(data[:index_start] + opcodes + FOOTER.pack(index_start, magic))
    yield partial(load_annotations, own, lazy=True)
    starts = stored._starts.tolist()
    start, stop = starts[0], starts[1]
    own.write_bytes(data[:start] + opcodes.ljust(stop - start, b'N')[: stop - start] + data[stop:])
    yield lambda: list(load_annotations(own, lazy=True)['annotations'])
    start, stop = starts[-1], index_start
    own.write_bytes(data[:start] + _pickled(opcodes).ljust(stop - start, b'N')[: stop - start] + data[stop:])
    yield lambda: list(load_annotations(own, lazy=True)['annotations'].headers())


def pose_files(folder: Path, opcodes: bytes) -> Iterator[Callable]:
    (folder / 'kpfiles').mkdir(exist_ok=True)
    (folder / 'kpfiles' / 'x.pkl').write_bytes(_pickled(opcodes))
    about = {'raw_file': 'x.pkl', 'total_frames': 1, 'frame_inds': np.array([0]), 'img_shape': (2, 2)}
    # a name of its own, since poses are kept
    yield partial(read_pyskl, folder / 'k400_hrnet.pkl', {'frame_dir': 'a', **about})


def checkpoint_files(folder: Path, opcodes: bytes) -> Iterator[Callable]:
    path = folder / 'x.pth'
    state = b'}(' + _text('state_dict') + opcodes + b'u.'
    for number, content in enumerate((_pickled(opcodes, 2), b'\x80\x02' + state)):
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('x/data.pkl', content)
            archive.writestr('x/version', b'3\n')
        yield partial(read_checkpoint, path)
        magic = b''.join(pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {}))
        path = folder / f'legacy{number}.pth'
        path.write_bytes(magic + content)
        yield partial(read_checkpoint, path)
        path = folder / 'plain.pth'
        path.write_bytes(content)
        yield partial(read_checkpoint, path)


def array_files(folder: Path, opcodes: bytes) -> Iterator[Callable]:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {'descr': '|O', 'fortran_order': False, 'shape': (1,)})
    content = header.getvalue() + _pickled(opcodes)
    (folder / 'a.npy').write_bytes(content)
    yield partial(read_recording, folder / 'a.npy', get_skeleton('sbu15'))
    for name, read in (('a.npz', partial(read_recording, skeleton=get_skeleton('sbu15'))), ('scores.npz', read_scores)):
        with zipfile.ZipFile(folder / name, 'w') as archive:
            for array in ('keypoint', 'scores', 'ids', 'labels'):
                archive.writestr(f'{array}.npy', content)
        yield partial(read, folder / name)


def config_texts() -> Iterator[str]:
    """Configs as checkpoints carry them, each of which would have something imported or called."""
    model = "model = dict(type='InteractionRecognizer')\n"
    modules = (MODULE, f'{MODULE}.below', 'antigravity', 'this', 'unittest.__main__', 'idlelib.idle', 'lib2to3', 'os')
    for module in modules:
        yield f'{model}custom_imports = dict(imports=[{module!r}])'
        yield f"{model}custom_imports = dict(imports=['asea_mm', {module!r}], allow_failed_imports=False)"
        yield f'{model}custom_imports = dict(imports={module!r})'
        yield f'{model}custom_imports = [{module!r}]'
        yield f'{model}default_scope = {module!r}'
        yield f"model = dict(type='InteractionRecognizer', _scope_={module!r})"
        yield f"model = dict(type='InteractionRecognizer', backbone=dict(type='ASEA', _scope_={module!r}))"
        yield f"{model}test_dataloader = dict(dataset=dict(pipeline=[dict(type='CentrePair', _scope_={module!r})]))"
        yield f'model = dict(type={f"{module}.anything"!r})'
        yield f"model = dict(type='InteractionRecognizer', backbone=dict(type={f'{module}.anything'!r}))"
        yield f'{model}test_dataloader = dict(dataset=dict(pipeline=[dict(type={f"{module}.anything"!r})]))'
    for module, name, arguments in CALLS:
        call = f'__import__({module!r}).{name}(*{arguments!r})'
        yield f'model = {call}'
        yield f'{model}x = [{call}]'
        yield f'{model}{call}'
        yield f'import {module}\n{model}'
        yield f'model = dict(type={f"{module}.{name}"!r})'
        yield f'model = dict(type={name!r}, _scope_={module!r})'
    yield from (
        'model = [x for x in (1, 2)]',
        "model = (lambda: dict(type='x'))()",
        f'model = f"{{open({MARK!r}, chr(119))}}"',
        f"_base_ = './{MODULE}.py'\n{model}",
        f"exec(\"open('{MARK}', 'w')\")\n{model}",
        f'{model}def x(a=open({MARK!r}, "w")): pass',
        f'{model}class X(metaclass=open({MARK!r}, "w")): pass',
        f'@open({MARK!r}, "w")\ndef x(): pass\n{model}',
        f'if open({MARK!r}, "w"):\n    {model}',
        f'{model}x: open({MARK!r}, "w") = 1',
        f'{model}x = dict(**open({MARK!r}, "w"))',
        f'{model}x = {{open({MARK!r}, "w"): 1}}',
    )


def config_files(folder: Path) -> Iterator[Callable]:
    for number, text in enumerate(config_texts()):
        path = folder / f'config{number}.pth'
        torch.save({'state_dict': {'weight': torch.ones(1)}, 'meta': {'cfg': text}}, path)
        yield partial(InteractionInferencer, path)


def fused_files(folder: Path) -> Iterator[Callable]:
    """Checkpoints of several models, one of which would have something imported or called."""
    good = "model=dict(type='InteractionRecognizer')"
    for number, (module, name, _) in enumerate(CALLS):
        kind = f'dict(type={f"{module}.{name}"!r})'
        for count, text in enumerate(
            (
                f"model = dict(type='FusedRecognizer', members=[dict({good}, weight=1), dict(model={kind}, weight=1)])",
                f"model = dict(type='FusedRecognizer', members=[dict({good}, weight={kind})])",
                f"model = dict(type='FusedRecognizer', members=[])\ntest_dataloader = dict(dataset=dict(pipeline=["
                f"dict(type='MemberPipelines', pipelines=[[{kind}]])]))",
                f"model = dict(type='FusedRecognizer', members=[])\ncustom_imports = dict(imports=[{module!r}])",
            )
        ):
            path = folder / f'fused{number}_{count}.pth'
            of_member = {'file': 'a.pth', 'meta': {'cfg': text, 'config': f'open({MARK!r}, "w")'}}
            alone = path.with_stem(f'{path.stem}_alone')
            state = {'weight': torch.ones(1)}
            torch.save({'state_dict': state, 'meta': {'cfg': text, 'members': [of_member] * 2}}, path)
            torch.save({'state_dict': state, 'meta': {'cfg': text}}, alone)
            yield partial(InteractionInferencer, path)
            yield partial(InteractionInferencer, [alone, folder / 'config0.pth'])
            yield partial(take_model, Config({'test_dataloader': {}}), read_checkpoint(path), str(path))


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_port}'
    finally:
        server.shutdown()
        server.server_close()


def url_files(folder: Path) -> Iterator[Callable]:
    guard_mmengine()
    with served(folder) as url:
        for number, (module, name, arguments) in enumerate(CALLS):
            opcodes = next(opcode_forms(module, name, arguments))
            path = folder / f'url{number}.pth'
            path.write_bytes(_pickled(opcodes))
            yield partial(read_checkpoint, f'{url}/{path.name}')
            yield partial(_load_checkpoint, f'{url}/{path.name}?again')
            yield partial(_load_checkpoint, str(path))


def attempts(folder: Path, quick: bool) -> Iterator[Callable]:
    """Each reads a file that would run code."""
    number = 0
    for module, name, arguments in CALLS:
        for opcodes in opcode_forms(module, name, arguments):
            for files in (annotation_files, checkpoint_files, array_files, pose_files):
                own = folder / str(number)
                own.mkdir()
                number += 1
                for count, attempt in enumerate(files(own, opcodes)):
                    if not quick or (count + number) % 3 == 0:
                        yield attempt
    yield from config_files(folder)
    yield from fused_files(folder)
    yield from url_files(folder)


def main(quick: bool) -> dict[str, int]:
    """How many attempts there were, how many ran, and how many did not end with one clear error."""
    figures = {'attempts': 0, 'ran': 0, 'other errors': 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hub, before = torch.hub.get_dir(), sys.path[:]
        torch.hub.set_dir(folder / 'hub')
        with changed_folder(folder):
            payload = f'open({MARK!r}, "w").close()\n'
            for path in (f'{MODULE}.py', 'hubconf.py'):
                Path(path).write_text(payload, encoding='utf-8')
            Path('payload.pkl').write_bytes(pickle.dumps(_Payload()))
            np.save('payload.npy', np.array([_Payload()], dtype=object), allow_pickle=True)
            sys.path.insert(0, '')
            try:
                for attempt in attempts(folder / 'files', quick):
                    figures['attempts'] += 1
                    try:
                        attempt()
                    except InputError as error:
                        figures['other errors'] += '\n' in str(error) or len(str(error)) >= 500
                    except BaseException:
                        figures['other errors'] += 1
                    if any(folder.glob(f'**/{MARK}*')) if not quick else any(Path().glob(f'{MARK}*')):
                        figures['ran'] += 1
                        for left in folder.glob(f'**/{MARK}*'):
                            left.unlink()
                    figures['ran'] += sum(sys.modules.pop(name, None) is not None for name in (MODULE, 'antigravity'))
            finally:
                sys.path[:] = before
                torch.hub.set_dir(hub)
    return figures


class _Payload:
    def __reduce__(self) -> tuple:
        return builtins.open, (MARK, 'w')


@contextmanager
def changed_folder(folder: Path) -> Iterator[None]:
    """The working folder, in which what attackers write would be."""
    import os

    before = Path.cwd()
    (folder / 'files').mkdir()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
