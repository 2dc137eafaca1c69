"""The tools from their command lines: training, resuming, testing, several processes, and one line per error."""

import gc
import json
import os
import pickle
import runpy
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mmaction
import numpy as np
import pytest
import torch
from mmengine.utils import ManagerMixin

from asea_mm.datasets import save_annotations
from asea_mm.engine import report_errors

ROOT = Path(__file__).parents[2]
DEMO = str(ROOT / 'configs' / 'asea_demo.py')
SMALL_MODEL = ['model.backbone.channels=[8,16]', 'model.backbone.strides=None', 'model.cls_head.in_channels=16']
SMALL = [
    *SMALL_MODEL,
    *(f'{name}_dataloader.dataset.num_samples={count}' for name, count in (('train', 24), ('val', 24), ('test', 24))),
    'train_dataloader.batch_size=8',
]


def managers(parent: type = ManagerMixin) -> Iterator[type]:
    """mmengine's classes with named global instances: log, message hub, visualizer, ..."""
    for manager in parent.__subclasses__():
        yield manager
        yield from managers(manager)


@pytest.fixture
def tool(monkeypatch, tmp_path, capsys):
    """Runs a tool in this process; returns its exit code and what it wrote to stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('LOCAL_RANK', '0')

    def run(path: str | Path, *arguments: object) -> tuple[int, str, str]:
        for manager in managers():  # of a run in the same second, which has the same name
            manager._instance_dict.clear()
        capsys.readouterr()
        monkeypatch.setattr(sys, 'argv', [str(path), *map(str, arguments)])
        code = 0
        try:
            runpy.run_path(str(ROOT / path), run_name='__main__')
        except SystemExit as exit_:
            code = exit_.code
        return code, *capsys.readouterr()

    return run


def saved(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def logged(folder: Path) -> list[dict]:
    """All lines that mmengine logged as JSON, of all runs in a work dir."""
    files = sorted(folder.glob('*/vis_data/scalars.json'), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def test_train_resume_and_test(tool, tmp_path):
    folder = tmp_path / 'run'
    options = ['--work-dir', folder, '--seed', 3, '--cfg-options', *SMALL]
    assert tool('tools/train.py', DEMO, *options, 'train_cfg.max_epochs=1')[0] == 0
    first = saved(folder / 'epoch_1.pth')
    assert (first['meta']['epoch'], first['meta']['iter'], first['meta']['seed']) == (1, 3, 3)

    assert tool('tools/train.py', DEMO, '--resume', *options, 'train_cfg.max_epochs=2')[0] == 0
    second = saved(folder / 'epoch_2.pth')
    assert (second['meta']['epoch'], second['meta']['iter']) == (2, 6)
    assert [line['epoch'] for line in logged(folder) if 'loss' in line and line['iter'] in (3, 6)] == [1, 2]
    assert (folder / 'last_checkpoint').read_text().endswith('epoch_2.pth')
    assert (folder / 'epoch_1.pth').exists(), 'the one before stays: writing the last may fail'

    results = tmp_path / 'results'
    options = ['--work-dir', results, '--dump', tmp_path / 'all.pkl', '--cfg-options', *SMALL]
    assert tool('tools/test.py', DEMO, folder / 'epoch_2.pth', *options)[0] == 0
    report = json.loads((results / 'report.json').read_text())
    validated = [line['acc/top1'] for line in logged(folder) if 'acc/top1' in line]
    assert len(validated) == 2
    assert report['top1'] == pytest.approx(validated[-1])
    assert report['num_samples'] == 24
    assert len(report['classes']) == 12
    with np.load(results / 'scores.npz', allow_pickle=False) as scores:
        assert scores['scores'].shape == (24, 12)
        assert np.allclose(scores['scores'].sum(axis=1), 1, atol=1e-5)
        assert (scores['scores'].argmax(axis=1) == scores['labels']).mean() == pytest.approx(report['top1'])
        assert len(set(scores['ids'].tolist())) == 24
    assert (results / 'confusion.png').stat().st_size > 2000
    assert (tmp_path / 'all.pkl').is_file()


def test_resume_before_there_is_a_checkpoint_begins_from_load_from(tool, tmp_path):
    options = ['--seed', 3, '--no-validate', '--cfg-options', *SMALL, 'train_cfg.max_epochs=1']
    assert tool('tools/train.py', DEMO, '--work-dir', tmp_path / 'before', *options)[0] == 0
    before = tmp_path / 'before' / 'epoch_1.pth'
    options += [f'load_from={before}', 'optim_wrapper.optimizer.lr=0.0']
    assert tool('tools/train.py', DEMO, '--resume', '--work-dir', tmp_path / 'after', *options)[0] == 0
    first, second = (saved(path)['state_dict'] for path in (before, tmp_path / 'after' / 'epoch_1.pth'))
    weights = [name for name in first if name.endswith('weight')]
    assert len(weights) > 5
    assert all(torch.equal(first[name], second[name]) for name in weights)


def test_same_seed_same_weights(tool, tmp_path):
    weights = []
    for name in ('a', 'b'):
        options = ['--work-dir', tmp_path / name, '--seed', 5, '--no-validate']
        settings = [*SMALL, 'train_cfg.max_epochs=1', 'train_dataloader.dataset.num_samples=8']
        assert tool('tools/train.py', DEMO, *options, '--cfg-options', *settings)[0] == 0
        weights.append(saved(tmp_path / name / 'epoch_1.pth')['state_dict'])
    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize('stream', ['bone', 'joint,bone_motion'])
def test_stream_reaches_the_model_and_the_name_of_the_work_dir(tool, tmp_path, stream):
    settings = [*SMALL, 'train_cfg.max_epochs=1', 'train_dataloader.dataset.num_samples=8']
    options = ['--stream', stream, '--no-validate', '--cfg-options', *settings]
    assert tool('tools/train.py', DEMO, *options)[0] == 0
    name = 'asea_demo_' + stream.replace(',', '+')
    channels = 3 * len(stream.split(','))
    batch_norm = saved(tmp_path / 'work_dirs' / name / 'epoch_1.pth')['state_dict']['backbone.data_bn.weight']
    assert len(batch_norm) == 25 * channels


def test_mmactions_own_tool_trains_our_config(tool, tmp_path):
    own = Path(mmaction.__file__).parent / '.mim' / 'tools' / 'train.py'
    settings = [*SMALL, 'train_cfg.max_epochs=1']
    assert tool(own, DEMO, '--work-dir', tmp_path / 'run', '--cfg-options', *settings)[0] == 0
    assert 'loss_reg' in logged(tmp_path / 'run')[0]
    assert saved(tmp_path / 'run' / 'epoch_1.pth')['meta']['epoch'] == 1


def test_demo_pictures_sum_up_a_report(tool, tmp_path):
    report = dict(num_samples=24, top1=0.8, relation=0.6, classes=[str(label) for label in range(12)])
    (tmp_path / 'report.json').write_text(json.dumps(report))
    code, out, _ = tool('tools/demo_pictures.py', tmp_path, '--frames', 2)
    assert code == 0
    assert 'accuracy on 24 test samples, 12 classes: 80.0%' in out
    assert 'within pairs of classes that only the relation of the persons tells apart: 60.0%' in out
    assert (tmp_path / 'pairs.png').read_bytes().startswith(b'\x89PNG')
    assert str(tmp_path / 'pairs.png') in out


# Wrong inputs


def annotations(count: int = 20, joints: int = 15) -> list[dict]:
    rng = np.random.default_rng(0)
    return [
        dict(
            frame_dir=f'clip{index}',
            label=index % 8,
            total_frames=12,
            keypoint=rng.normal(size=(2, 12, joints, 3)).astype(np.float32),
        )
        for index in range(count)
    ]


def save(path: Path, samples: list[dict]) -> None:
    names = [sample['frame_dir'] for sample in samples]
    split = {f'fold1_{part}': names for part in ('train', 'val')}
    meta = dict(layout='sbu15', classes=[f'class {label}' for label in range(8)], source='test', units='m')
    save_annotations(path, samples, split, meta)


class Code:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ('touch pwned',)


def write_good(path: Path) -> None:
    save(path, annotations())


def write_few(path: Path) -> None:
    save(path, annotations(count=6))


def write_empty(path: Path) -> None:
    path.touch()


def write_truncated(path: Path) -> None:
    write_good(path)
    path.write_bytes(path.read_bytes()[:-500])


def write_text(path: Path) -> None:
    path.write_text('frame_dir,label\n')


def write_code(path: Path) -> None:
    path.write_bytes(pickle.dumps(dict(split={}, annotations=[Code()])))


def write_nan(path: Path) -> None:
    samples = annotations()
    samples[3]['keypoint'][1, 2, 4, 0] = np.nan
    save(path, samples)


def write_joints(path: Path) -> None:
    save(path, annotations(joints=18))


def write_label(path: Path) -> None:
    samples = annotations()
    samples[2]['label'] = 8
    save(path, samples)


WRONG_DATA = {
    'missing': (lambda path: None, [], ['sbu.pkl', 'no such annotation file']),
    'empty': (write_empty, [], ['sbu.pkl', 'is empty']),
    'truncated': (write_truncated, [], ['sbu.pkl', 'truncated or damaged']),
    'not a pickle': (write_text, [], ['sbu.pkl', 'not a pickle']),
    'code': (write_code, [], ['sbu.pkl', 'refused', 'system']),
    'nan': (write_nan, [], ['sbu.pkl', "'clip3'", 'person 1, frame 2, joint 4']),
    'joints': (write_joints, [], ['sbu.pkl', "'clip0'", '15 joints', '18']),
    'label': (write_label, [], ['sbu.pkl', "'clip2'", 'below 8', 'got 8']),
    'few': (write_few, [], ['fewer samples than a batch', 'train_dataloader.batch_size']),
    'fold': (write_good, ['--fold', 9], ['sbu.pkl', 'fold9_train', 'fold1_train']),
    'split': (write_good, ['--split', 'xsub'], ["'train' or 'val'", 'xsub_train']),
    'stream': (write_good, ['--stream', 'bones'], ['--stream', 'bones', 'bone_motion']),
    'no base batch size': (
        write_good,
        ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None'],
        ['--auto-scale-lr', 'auto_scale_lr.base_batch_size', 'got none'],
    ),
    'unknown layout': (write_good, ['--cfg-options', 'model.backbone.layout=sbu16'], ['sbu16', "'sbu15'"]),
    'unknown part': (write_good, ['--cfg-options', 'model.backbone.type=ASAE'], ['ASAE', 'registry']),
    'unknown argument': (write_good, ['--cfg-options', 'model.backbone.width=3'], ['ASEA', "'width'"]),
}


def check_one_line(result: tuple[int, str, str], words: list[str]) -> None:
    code, _, errors = result
    assert code == 1
    assert 'Traceback' not in errors
    lines = [line for line in errors.splitlines() if line.startswith('error: ')]
    assert len(lines) == 1, errors
    assert errors.rstrip().splitlines()[-1] == lines[0]
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(('write', 'options', 'words'), WRONG_DATA.values(), ids=WRONG_DATA)
def test_wrong_data_and_options_are_one_line(tool, tmp_path, write, options, words):
    path = tmp_path / 'data' / 'sbu' / 'sbu.pkl'
    path.parent.mkdir(parents=True)
    write(path)
    if '--cfg-options' not in options:
        options = [*options, '--cfg-options', *SMALL_MODEL]
    check_one_line(tool('tools/train.py', ROOT / 'configs' / 'asea_sbu.py', *options), words)
    assert not (tmp_path / 'pwned').exists()


def test_unknown_split_of_a_file_lists_those_it_has(tool, tmp_path):
    path = tmp_path / 'ntu.pkl'
    save(path, annotations(joints=25))
    settings = [f'train_dataloader.dataset.ann_file={path}', *SMALL_MODEL]
    result = tool('tools/train.py', ROOT / 'configs' / 'asea_ntu26.py', '--split', 'xview', '--cfg-options', *settings)
    check_one_line(result, ['ntu.pkl', "no split 'xview_train'", 'fold1_train'])


@pytest.mark.parametrize('name', ['tools/train.py', 'tools/test.py'])
@pytest.mark.parametrize(
    ('text', 'words'),
    [(None, ['mine.py', 'does not exist']), ('a = (', ['mine.py']), ("_base_ = ['./nobody.py']", ['nobody.py'])],
    ids=['missing', 'syntax', 'base'],
)
def test_wrong_configs_are_one_line(tool, tmp_path, name, text, words):
    if text is not None:
        (tmp_path / 'mine.py').write_text(text)
    checkpoint = ['some.pth'] if name == 'tools/test.py' else []
    check_one_line(tool(name, tmp_path / 'mine.py', *checkpoint), words)


def write_other_model(path: Path) -> None:
    torch.save(dict(state_dict={'backbone.weight': torch.ones(2)}, meta={}), path)


WRONG_CHECKPOINTS = {
    'missing': (lambda path: None, ['does not exist']),
    'empty': (write_empty, ['not a checkpoint']),
    'text': (write_text, ['not a checkpoint']),
    'truncated': (lambda path: (write_other_model(path), path.write_bytes(path.read_bytes()[:-100])), ['not a check']),
    'pickle': (lambda path: path.write_bytes(pickle.dumps([1, 2], protocol=2)), ['checkpoint']),
    'code': (lambda path: torch.save(dict(state_dict=Code()), path), ['refused', 'system']),
    'no weights': (lambda path: torch.save(dict(meta={}, note='hello'), path), ['expected weights', 'note']),
    'number': (lambda path: torch.save(7, path), ['expected weights', 'int']),
    'other model': (write_other_model, ['does not fit the model', 'backbone.weight']),
}


@pytest.mark.parametrize(('write', 'words'), WRONG_CHECKPOINTS.values(), ids=WRONG_CHECKPOINTS)
def test_wrong_checkpoints_are_one_line(tool, tmp_path, write, words):
    write(tmp_path / 'some.pth')
    result = tool('tools/test.py', DEMO, tmp_path / 'some.pth', '--cfg-options', *SMALL)
    check_one_line(result, ['some.pth', *words])
    assert not (tmp_path / 'pwned').exists()
    assert not (tmp_path / 'work_dirs' / 'asea_demo' / 'report.json').exists()


@pytest.mark.parametrize(
    ('write', 'words'),
    [(lambda path: None, ['does not exist']), (write_other_model, ['no state of a training'])],
    ids=['missing', 'weights only'],
)
def test_resuming_from_a_wrong_checkpoint_is_one_line(tool, tmp_path, write, words):
    write(tmp_path / 'some.pth')
    result = tool('tools/train.py', DEMO, '--resume', tmp_path / 'some.pth', '--cfg-options', *SMALL)
    check_one_line(result, ['some.pth', *words])


def test_dump_must_be_a_pickle(tool, tmp_path):
    write_other_model(tmp_path / 'some.pth')
    check_one_line(tool('tools/test.py', DEMO, tmp_path / 'some.pth', '--dump', 'all.json'), ['--dump', 'all.json'])


NOT_FOUND = 'ASAE is not in the mmaction::model registry. Please check'


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (ValueError('class `ASEA` in asea_mm/models/backbones/asea.py: no'), 'no'),
        (ValueError('first\n  second\n'), 'first second'),
        (KeyError(NOT_FOUND), NOT_FOUND),
        (OSError(28, 'No space left on device', 'a.pth'), "[Errno 28] No space left on device: 'a.pth'"),
    ],
    ids=['prefix', 'lines', 'registry', 'system'],
)
def test_messages_become_one_line(capsys, error, line):
    with pytest.raises(SystemExit) as exit_, report_errors():
        raise error
    assert exit_.value.code == 1
    assert capsys.readouterr().err == f'error: {line}\n'


def test_errors_of_loader_workers_show_their_message_only(capsys):
    dataset = [0, 1]
    loader = torch.utils.data.DataLoader(dataset, num_workers=1, collate_fn=raise_error)
    with pytest.raises(SystemExit), report_errors():
        next(iter(loader))
    assert capsys.readouterr().err == 'error: clip7: NaN\n'


def raise_error(batch: list) -> None:
    raise ValueError('clip7: NaN')


@pytest.mark.parametrize('error', [KeyError('label'), TypeError('unsupported operand'), RuntimeError('shape')])
def test_errors_in_the_code_keep_their_traceback(error):
    with pytest.raises(type(error)), report_errors():
        raise error


# In processes of their own


@pytest.fixture
def environment():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, 'PORT': str(port)}


def run(command: list, folder: Path, environment: dict) -> subprocess.CompletedProcess:
    command = [str(word) for word in command]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_errors_are_one_line_in_a_process_of_its_own(tmp_path, environment):
    done = run([sys.executable, ROOT / 'tools' / 'train.py', 'nothing.py'], tmp_path, environment)
    check_one_line((done.returncode, done.stdout, done.stderr), ['config nothing.py does not exist'])


@pytest.mark.skipif(torch.cuda.is_available(), reason='the processes would take the GPU')
def test_two_processes_train_and_test(tmp_path, environment):
    folder = tmp_path / 'with blank'
    options = ['--work-dir', folder, '--cfg-options', 'env_cfg.dist_cfg.backend=gloo', *SMALL]
    train = run([ROOT / 'tools/dist_train.sh', DEMO, 2, *options, 'train_cfg.max_epochs=1'], tmp_path, environment)
    assert train.returncode == 0, train.stderr
    assert saved(folder / 'epoch_1.pth')['meta']['iter'] == 2  # 24 samples, two processes with batches of 8
    assert 'Epoch(train) [1][2/2]' in next(folder.glob('*/*.log')).read_text()

    test = run([ROOT / 'tools/dist_test.sh', DEMO, folder / 'epoch_1.pth', 2, *options], tmp_path, environment)
    assert test.returncode == 0, test.stderr
    validated = next(line['acc/top1'] for line in logged(folder) if 'acc/top1' in line)
    report = json.loads((folder / 'report.json').read_text())
    assert report['num_samples'] == 24
    assert report['top1'] == pytest.approx(validated)


@pytest.mark.skipif(torch.cuda.is_available(), reason='the process would take the GPU')
def test_tools_leave_the_processes_group(tool, tmp_path, environment, monkeypatch):
    address = {'RANK': '0', 'WORLD_SIZE': '1', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': environment['PORT']}
    for name, value in address.items():
        monkeypatch.setenv(name, value)
    joined = []
    join = torch.distributed.init_process_group
    monkeypatch.setattr(torch.distributed, 'init_process_group', lambda **kwargs: joined.append(join(**kwargs)))
    options = ['--launcher', 'pytorch', '--work-dir', tmp_path]
    settings = ['--cfg-options', 'env_cfg.dist_cfg.backend=gloo', *SMALL, 'train_cfg.max_epochs=1']
    for words in (['tools/train.py', DEMO], ['tools/test.py', DEMO, tmp_path / 'epoch_1.pth']):
        assert tool(*words, *options, *settings)[0] == 0
        assert not torch.distributed.is_initialized()
        assert not any(type(x).__name__ == 'MMDistributedDataParallel' for x in gc.get_objects())  # it has the threads
    assert len(joined) == 2


@pytest.mark.parametrize('arguments', [[], ['config.py']])
@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh'])
def test_scripts_say_how_to_use_them(tmp_path, environment, script, arguments):
    done = run([ROOT / 'tools' / script, *arguments], tmp_path, environment)
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_processes_without_gpus_say_what_to_add(tool, monkeypatch):
    monkeypatch.setenv('RANK', '0')
    check_one_line(tool('tools/train.py', DEMO, '--launcher', 'pytorch'), ['nccl', 'env_cfg.dist_cfg.backend=gloo'])
