"""From training to the test, as somebody new does it: what is said in the end, and which slips are caught."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import asea
from asea_mm.cli import run as cli_run
from asea_mm.cli.output import print_table
from asea_mm.datasets import save_annotations
from asea_mm.engine.cross_validation import CrossValidation, all_folds
from tests.cli.tiny import IN_PROCESS, SMALL, SMALL_MODEL, annotations, check_one_line

TINY = [*SMALL_MODEL, *IN_PROCESS, 'train_dataloader.batch_size=2', 'train_cfg.max_epochs=1']
OF_TWO = [*TINY, 'model.cls_head.num_classes=2']


@pytest.fixture
def three_folds(command, tmp_path):
    """``data/sbu/sbu.pkl`` with two classes and the folds 0, 1 and 2, of 6, 4 and 2 samples."""
    samples = annotations(12, classes=2)
    names = [sample['frame_dir'] for sample in samples]
    folds = {0: names[:6], 1: names[6:10], 2: names[10:]}
    split = {f'fold{fold}_val': tested for fold, tested in folds.items()}
    split |= {f'fold{fold}_train': [name for name in names if name not in tested] for fold, tested in folds.items()}
    meta = dict(layout='sbu15', classes=['hug', 'push'], source='test', units='metre')
    (tmp_path / 'data' / 'sbu').mkdir(parents=True)
    save_annotations(tmp_path / 'data' / 'sbu' / 'sbu.pkl', samples, split, meta)
    return folds


def test_folds_from_zero_and_a_test_of_what_was_trained_on(command, tmp_path, three_folds):
    code, text, errors = command('train', 'asea_sbu', '--fold', 0, '--cfg-options', *OF_TWO)
    assert code == 0, errors
    before = text.partition('Epoch(train)')[0] + errors.partition('Epoch(train)')[0]
    assert len(before.splitlines()) <= 12
    last = Path('work_dirs', 'asea_sbu_fold0', 'epoch_1.pth')
    said = dict(line.split(': ', 1) for line in text.splitlines() if ': ' in line)
    assert Path(said['last']) == last
    assert said['best'].startswith(str(last.with_name('best_acc_top1_epoch_1.pth')))

    words = shlex.split(said['next'])
    assert words[:3] == ['asea', 'test', 'asea_sbu']
    dumped = (tmp_path / last.parent / 'asea_sbu.py').read_text()
    code, text, _ = command(*words[1:])
    assert code == 0
    report = json.loads((tmp_path / last.parent / 'report.json').read_text())
    assert report['num_samples'] == len(three_folds[0])
    assert f'balanced accuracy (mean of classes) {report["mean_class"]:.2%}' in text
    rows = [line.split() for line in text.splitlines() if line.split()[:1] in (['hug'], ['push'])]
    right = [row[label] for label, row in enumerate(report['confusion'])]
    shares = [f'{share:.1%}' for share in report['per_class']]
    assert rows == [['hug', '3', str(right[0]), shares[0]], ['push', '3', str(right[1]), shares[1]]]
    assert (tmp_path / last.parent / 'asea_sbu.py').read_text() == dumped, 'the config of the training'

    other = ['test', 'asea_sbu', last, '--fold', 1, '--work-dir', 'other', '--cfg-options', *OF_TWO]
    check_one_line(command(*other), ['epoch_1.pth', 'fold 0', 'fold 1 (4 of 4)', '--anyway'])
    assert not (tmp_path / 'other' / 'report.json').exists()
    code, text, _ = command(*other[:3], '--anyway', *other[3:])
    assert code == 0
    assert 'fold 1 (4 of 4)' in text
    assert json.loads((tmp_path / 'other' / 'report.json').read_text())['num_samples'] == 4


def test_cross_validation_tests_fold_0_where_there_is_one(three_folds, tmp_path):
    plan = CrossValidation('asea_sbu', all_folds('asea_sbu'), (0,), tmp_path)
    assert [plan.load_config(fold).test_dataloader.dataset.fold for fold, _ in plan.runs] == [0, 1, 2]
    assert '--fold' in plan.settings(0, 0)['options']
    whole = CrossValidation('asea_demo', all_folds('asea_demo'), (0,), tmp_path)
    assert whole.runs == [(0, 0)]
    assert '--fold' not in whole.settings(0, 0)['options']
    assert 'fold' not in whole.load_config(0).test_dataloader.dataset


def test_a_finished_training_says_so_and_a_moved_one_goes_on(command, tmp_path, trained):
    shutil.copytree(trained.parent, tmp_path / 'there')
    (tmp_path / 'there' / 'last_checkpoint').write_text(str(tmp_path / 'here' / 'epoch_1.pth'))
    words = ['train', 'asea_demo', '--resume', '--work-dir', 'there', '--seed', 3, '--cfg-options', *SMALL]
    before = trained.read_bytes()
    code, text, _ = command(*words)
    assert code == 0
    assert 'epoch 1 of 1, so nothing was trained' in text
    assert (tmp_path / 'there' / 'epoch_1.pth').read_bytes() == before
    code, text, _ = command(*words, 'train_cfg.max_epochs=2')
    assert code == 0
    assert 'nothing was trained' not in text
    assert f'last: {Path("there", "epoch_2.pth")}\n' in text


MISFITS = {
    'more classes': (['model.cls_head.num_classes=3'], ['model.cls_head.num_classes', '2', '3', 'sbu.pkl']),
    'fewer classes': (['model.cls_head.num_classes=1'], ['model.cls_head.num_classes', '2', '1', 'sbu.pkl']),
    'channels': (['model.cls_head.num_classes=2', 'model.cls_head.in_channels=128'], ['128', '16', 'in_channels']),
    'optimizer': (['optim_wrapper.optimizer.type=Adamw'], ['Adamw', 'did you mean AdamW']),
    'key': (['train_dataloder.batch_size=4'], ['train_dataloder', 'did you mean train_dataloader?']),
    'backend': (['visualizer.vis_backends=[{"type": "AimVisBackend"}]'], ['visualizer.vis_backends', 'aim']),
}


@pytest.mark.parametrize(('options', 'words'), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_one_line_before_the_first_epoch(command, tmp_path, three_folds, options, words):
    result = command('train', 'asea_sbu', '--cfg-options', *TINY, *options)
    check_one_line(result, words)
    assert 'Epoch(train)' not in result[2]
    assert not list(tmp_path.rglob('*.pth'))


@pytest.mark.parametrize(
    ('words', 'hint'),
    [
        (['train', 'asea_sbu', '--sed', '3'], 'did you mean --seed'),
        (['prepare', 'sbo', 'folder'], 'did you mean sbu?'),
        (['prepare', 'sbu', 'folder', '--skip-bda'], 'did you mean --skip-bad'),
        (['test', 'asea_sbu', 'a.pth', '--launcher', 'slurn'], 'did you mean slurm?'),
    ],
)
def test_slips_in_options_are_one_line_with_what_was_meant(command, words, hint):
    code, _, errors = command(*words)
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert hint in errors


@pytest.mark.parametrize(
    ('name', 'words', 'next_words'),
    [
        ('train', ['my config.py', '--fold', '1'], ['train', 'my config.py', '--fold', '1', '--resume']),
        ('train', ['a.py', '--cfg-options', 'a=1'], ['train', 'a.py', '--resume', '--cfg-options', 'a=1']),
        ('train', ['a.py', '--resume', 'b.pth'], ['train', 'a.py', '--resume', 'b.pth']),
        ('cross-validate', ['a.py'], ['cross-validate', 'a.py']),
    ],
)
def test_an_interrupted_training_says_how_to_go_on(command, monkeypatch, name, words, next_words):
    cli_run.build_parser(name)

    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules[f'asea_mm.cli.{name.replace("-", "_")}'], 'run', interrupt)
    code, _, errors = command(name, *words)
    assert code == 130
    (line,) = errors.splitlines()
    assert shlex.split(line.partition('go on with: ')[2]) == ['asea', *next_words]


def test_a_package_that_is_missing_is_one_line(command, monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmaction', None)  # importing it fails
    for name in [name for name in sys.modules if name.partition('.')[0] == 'asea_mm']:
        monkeypatch.delitem(sys.modules, name)
    check_one_line(command('train', 'asea_demo'), ['mmaction', 'pip install'])
    with pytest.raises(ModuleNotFoundError):
        asea.main(['train', 'asea_demo', '--debug'])


def test_tables_fit_80_columns(capsys):
    columns = ['class', 'samples', *(f'fold{fold}_{part}' for fold in range(5) for part in ('train', 'val'))]
    print_table('Folds', columns, [['exchanging objects', *range(11)], ['hugging', *range(11)]])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert all(column in text for column in columns)
    names = ['a_recording0', '36', '1, 2', 'exchanging objects', '0.32', 'shaking hands 0.13, approaching 0.13']
    print_table(None, ['sample', 'frames', 'persons', 'interaction', 'score', 'next'], [names])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert all(name in text for name in names[:5])
    words = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen'
    print_table(None, ['sample', 'label', 'text'], [['folder/a_recording', 'hug', words]])
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert 'folder/a_recording' in text
    assert all(word in text.split() for word in words.split())


def test_git_ignores_what_the_commands_of_the_readme_leave(tmp_path):
    root = Path(asea.__file__).parent
    if not (root / '.git').exists():
        pytest.skip('not a clone')
    outputs = ['work_dirs/a/epoch_1.pth', 'data/custom/recordings.pkl', 'recordings.png', 'results/asea_sbu.json']
    done = subprocess.run(['git', 'check-ignore', *outputs, 'asea.py'], cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == outputs
