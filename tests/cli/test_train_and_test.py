"""Training, resuming, testing, several processes, and what is said of wrong data, configs and checkpoints."""

import json
import os
import pickle
import runpy
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import mmaction
import numpy as np
import pytest
import torch

from tests.cli.tiny import IN_PROCESS, ROOT, SMALL, SMALL_MODEL, annotations, check_one_line, save


def saved(path: Path) -> dict:
    return torch.load(path, weights_only=True)


def logged(folder: Path) -> list[dict]:
    """All lines that mmengine logged as JSON, of all runs in a work dir."""
    files = sorted(folder.glob('*/vis_data/scalars.json'), key=lambda path: path.stat().st_mtime_ns)
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def validated(folder: Path) -> float:
    """The last accuracy of validation."""
    return [line['acc/top1'] for line in logged(folder) if 'acc/top1' in line][-1]


def test_resuming_goes_on_where_training_ended(command, tmp_path, trained):
    first = saved(trained)
    assert (first['meta']['epoch'], first['meta']['iter'], first['meta']['seed']) == (1, 3, 3)
    shutil.copytree(trained.parent, tmp_path / 'run')
    (tmp_path / 'run' / 'last_checkpoint').write_text(str(tmp_path / 'run' / 'epoch_1.pth'))
    options = ['--seed', 3, '--cfg-options', *SMALL, 'train_cfg.max_epochs=2']
    assert command('train', 'asea_demo', '--resume', '--work-dir', 'run', *options)[0] == 0
    second = saved(tmp_path / 'run' / 'epoch_2.pth')
    assert (second['meta']['epoch'], second['meta']['iter']) == (2, 6)
    assert [line['epoch'] for line in logged(tmp_path / 'run') if 'loss' in line and line['iter'] in (3, 6)] == [1, 2]
    assert (tmp_path / 'run' / 'epoch_1.pth').exists(), 'the one before stays: writing the last may fail'


def test_compiled_it_trains_the_same(command, tmp_path, trained):
    options = ['--seed', 3, '--cfg-options', *SMALL, 'compile.backend=eager']
    assert command('train', 'asea_demo', '--compile', '--work-dir', 'run', *options)[0] == 0
    got, expected = (saved(path)['state_dict'] for path in (tmp_path / 'run' / 'epoch_1.pth', trained))
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_test_and_pictures(command, trained, tmp_path):
    options = ['--work-dir', tmp_path / 'results', '--cfg-options', *SMALL]
    code, text, _ = command('test', 'asea_demo', trained, '--dump', 'all.pkl', *options)
    assert code == 0
    report = json.loads((tmp_path / 'results' / 'report.json').read_text())
    assert report['top1'] == pytest.approx(validated(trained.parent))
    assert f'accuracy on 24 samples, 12 classes: top-1 {report["top1"]:.2%}' in text
    assert 'only the relation of the persons' in text
    with np.load(tmp_path / 'results' / 'scores.npz', allow_pickle=False) as scores:
        assert (scores['scores'].argmax(axis=1) == scores['labels']).mean() == pytest.approx(report['top1'])
    what = ['pairs', 'active', 'amplitude', 'training']
    code, drawn, _ = command('visualize', 'asea_demo', trained, '--what', *what, *options)
    assert code == 0
    names = ['report.json', 'scores.npz', 'confusion.png', 'all.pkl', 'pairs.png']
    written = [Path(line.removeprefix('wrote ')) for line in (text + drawn).splitlines() if line.startswith('wrote ')]
    names += [*(f'synthetic_val_00000_{kind}.png' for kind in ('active', 'amplitude')), 'training.png']
    assert sorted(path.name for path in written) == sorted(names)
    assert all(path.stat().st_size > 500 for path in written)
    check_one_line(command('visualize', 'asea_demo', trained, '--layers', 7, *options), ['layer', '7'])


def test_mmactions_own_tool_trains_the_same_weights_from_the_same_seed(monkeypatch, tmp_path, command, trained):
    monkeypatch.setenv('LOCAL_RANK', '0')  # it would set it for all that follows
    own = Path(mmaction.__file__).parent / '.mim' / 'tools' / 'train.py'
    words = [own, ROOT / 'configs' / 'asea_demo.py', '--work-dir', tmp_path / 'run', '--cfg-options', *SMALL]
    monkeypatch.setattr(sys, 'argv', [*map(str, words), 'randomness.seed=3'])
    runpy.run_path(str(own), run_name='__main__')
    assert 'loss_reg' in logged(tmp_path / 'run')[0]
    ours, theirs = saved(trained)['state_dict'], saved(tmp_path / 'run' / 'epoch_1.pth')['state_dict']
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_without_a_checkpoint_to_resume_training_begins_from_load_from(command, tmp_path, trained):
    options = [*SMALL, f'load_from={trained}', 'optim_wrapper.optimizer.lr=0.0']
    code, _, errors = command('train', 'asea_demo', '--resume', '--no-validate', '--cfg-options', *options)
    assert code == 0
    assert 'no checkpoint to go on from' in errors
    before = saved(trained)['state_dict']
    after = saved(tmp_path / 'work_dirs' / 'asea_demo' / 'epoch_1.pth')['state_dict']
    assert all(torch.equal(before[name], after[name]) for name in before if name.endswith('weight'))


# Config, joints, dimensions, layout, classes, splits of the annotation file, options.
PUBLIC = {
    'asea_kinetics10': (18, 2, 'openpose18', 10, ('',), ['--stream', 'joint,bone_motion']),
    'asea_ntu26': (25, 3, 'nturgbd25', 26, ('xsub', 'xset'), ['--split', 'xset', '--stream', 'bone']),
}


@pytest.mark.parametrize('name', PUBLIC)
def test_configs_of_public_data_train_and_test_on_files_of_their_form(command, tmp_path, name):
    joints, dimensions, layout, classes, splits, options = PUBLIC[name]
    stem = name.removeprefix('asea_')
    path = tmp_path / 'data' / ('kinetics' if 'kinetics' in stem else 'ntu') / f'{stem}.pkl'
    save(path, annotations(8, joints, dimensions, classes), layout, classes, splits)
    options = [*options, '--cfg-options', *SMALL_MODEL, *IN_PROCESS, 'train_cfg.max_epochs=1']
    code, _, errors = command('train', name, *options, 'train_dataloader.batch_size=8')
    assert code == 0, errors
    (folder,) = (tmp_path / 'work_dirs').iterdir()
    assert folder.name == '_'.join([name, *(word.replace(',', '+') for word in PUBLIC[name][-1][1::2])])
    weights = saved(folder / 'epoch_1.pth')['state_dict']
    assert len(weights['cls_head.fc.weight']) == classes
    assert command('test', name, folder / 'epoch_1.pth', *options)[0] == 0
    assert json.loads((folder / 'report.json').read_text())['num_samples'] == 8


class Code:
    """What runs a command when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ('touch pwned',)


def write_good(path: Path) -> None:
    save(path, annotations())


def write_nan(path: Path) -> None:
    """As mmaction2 keeps samples; we would not write them."""
    samples = annotations()
    samples[3]['keypoint'][1, 2, 4, 0] = np.nan
    split = {name: [sample['frame_dir'] for sample in samples] for name in ('fold1_train', 'fold1_val')}
    meta = dict(layout='sbu15', classes=list('abcdefgh'), units='metre')
    path.write_bytes(pickle.dumps(dict(split=split, annotations=samples, meta=meta)))


WRONG_DATA = {
    'missing': (lambda path: None, [], ['sbu.pkl', 'no such annotation file']),
    'nan in a worker': (
        write_nan,
        ['--cfg-options', 'train_dataloader.num_workers=1'],
        ['sbu.pkl', "'clip3'", 'person 1, frame 2, joint 4'],
    ),
    'few': (lambda path: save(path, annotations(6)), [], ['fewer samples than a batch', 'train_dataloader.batch_size']),
    'fold': (write_good, ['--fold', 9], ['sbu.pkl', 'fold9_train', 'fold1_train']),
    'base batch size': (write_good, ['--auto-scale-lr', '--cfg-options', 'auto_scale_lr=None'], ['base_batch_size']),
    'unknown part': (write_good, ['--cfg-options', 'model.backbone.type=ASAE'], ['ASAE', 'registry']),
    'unknown argument': (write_good, ['--cfg-options', 'model.backbone.width=3'], ['ASEA', "'width'"]),
    'option': (write_good, ['--cfg-options', 'model'], ['--cfg-options', 'key=value', "'model'"]),
}


@pytest.mark.parametrize(('write', 'options', 'words'), WRONG_DATA.values(), ids=WRONG_DATA)
def test_wrong_data_and_options_are_one_line(command, tmp_path, write, options, words):
    path = tmp_path / 'data' / 'sbu' / 'sbu.pkl'
    path.parent.mkdir(parents=True)
    write(path)
    if '--cfg-options' not in options:
        options = [*options, '--cfg-options', *SMALL_MODEL]
    check_one_line(command('train', 'asea_sbu', *options), words)


@pytest.mark.parametrize('text', ['a = (', "_base_ = ['./nobody.py']"])
def test_wrong_configs_are_one_line(command, tmp_path, text):
    (tmp_path / 'mine.py').write_text(text)
    check_one_line(command('train', 'mine.py'), ['nobody.py' if 'nobody' in text else 'mine.py'])


def write_other_model(path: Path) -> None:
    torch.save(dict(state_dict={'backbone.weight': torch.ones(2)}, meta={}), path)


WRONG_CHECKPOINTS = {
    'text': (lambda path: path.write_text('hello'), ['not a checkpoint']),
    'code': (lambda path: torch.save(dict(state_dict=Code()), path), ['refused', 'system']),
    'no weights': (lambda path: torch.save(dict(meta={}, note='hello'), path), ['expected weights', 'note']),
    'other model': (write_other_model, ['does not fit the model', 'backbone.weight']),
}


@pytest.mark.parametrize(('write', 'words'), WRONG_CHECKPOINTS.values(), ids=WRONG_CHECKPOINTS)
def test_wrong_checkpoints_are_one_line(command, tmp_path, write, words):
    write(tmp_path / 'some.pth')
    check_one_line(command('test', 'asea_demo', 'some.pth', '--cfg-options', *SMALL), ['some.pth', *words])
    assert not (tmp_path / 'pwned').exists()
    assert not (tmp_path / 'work_dirs' / 'asea_demo' / 'report.json').exists()


def test_resuming_needs_more_than_weights_and_a_dump_is_a_pickle(command, tmp_path):
    write_other_model(tmp_path / 'some.pth')
    result = command('train', 'asea_demo', '--resume', 'some.pth', '--cfg-options', *SMALL)
    check_one_line(result, ['some.pth', 'no state of a training'])
    check_one_line(command('test', 'asea_demo', 'some.pth', '--dump', 'all.json'), ['--dump', 'all.json'])


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_processes_without_gpus_say_what_to_add(command, monkeypatch):
    monkeypatch.setenv('RANK', '0')
    check_one_line(command('train', 'asea_demo', '--launcher', 'pytorch'), ['nccl', 'env_cfg.dist_cfg.backend=gloo'])


@pytest.mark.skipif(torch.cuda.is_available(), reason='the processes would take the GPU')
def test_two_processes_train_and_report(command, tmp_path):
    """They leave their group in the end, without which they may abort (pytorch/pytorch#190489)."""
    folder = tmp_path / 'with blank'
    report = f"[dict(type='AccMetric'), dict(type='InteractionReport', out_dir={str(folder)!r})]"
    base = f'_base_ = [{str(ROOT / "configs" / "asea_demo.py")!r}]\n'
    (tmp_path / 'mine.py').write_text(f'{base}val_evaluator = {report}\n')
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    environment = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHON': sys.executable, 'PORT': str(port)}
    words = ['mine.py', '2', '--work-dir', folder, '--cfg-options', 'env_cfg.dist_cfg.backend=gloo', *SMALL]
    done = subprocess.run(
        [ROOT / 'tools' / 'dist_train.sh', *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert saved(folder / 'epoch_1.pth')['meta']['iter'] == 2  # 24 samples, two processes with batches of 8
    with np.load(folder / 'scores.npz') as scores:
        assert len(set(scores['ids'])) == 24
    assert command('test', 'asea_demo', folder / 'epoch_1.pth', '--work-dir', 'alone', '--cfg-options', *SMALL)[0] == 0
    alone = json.loads((tmp_path / 'alone' / 'report.json').read_text())
    assert alone['top1'] == pytest.approx(validated(folder))
    assert alone['cross_entropy'] == pytest.approx(json.loads((folder / 'report.json').read_text())['cross_entropy'])
