"""Runs on a GPU: the time they have, and what is brought home."""

import json
from pathlib import Path

import pytest

from asea_mm.errors import InputError

from .. import gpu_runs


@pytest.fixture
def called(monkeypatch, tmp_path):
    tmp_path = tmp_path / 'here'
    tmp_path.mkdir()
    monkeypatch.chdir(tmp_path)
    words = []

    def main(arguments):
        words.append(arguments)
        run = Path('work_dirs/tasks_asea_sbu_cv/fold1_seed0')
        for name in ('result.json', 'test/scores.npz', 'late/epoch_22.npz', 'epoch_30.pth'):
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            (run / name).write_text(json.dumps(name))
        Path('work_dirs/tasks_asea_sbu_cv/fold2_seed0').mkdir(parents=True, exist_ok=True)
        Path('results').mkdir(exist_ok=True)
        Path('../other').mkdir(exist_ok=True)
        Path('../other/tasks.json').write_text('{}')
        Path('results/tasks.json').write_text('{}')

    monkeypatch.setattr(gpu_runs.reproduce, 'main', main)
    return words


def test_what_is_brought_home_is_what_a_later_call_goes_on_from(called, tmp_path, monkeypatch):
    gpu_runs.main(['--minutes', '3', '--results', 'results', '--pack', 'out.tar.gz', '--models', 'asea'])
    (words,) = called
    assert words[0] == 'tasks'
    assert words[words.index('--minutes') + 1] == '2.5'
    assert words[-2:] == ['--models', 'asea']
    archive, elsewhere = Path('out.tar.gz').resolve(), tmp_path / 'elsewhere'
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    gpu_runs.unpack(archive)
    files = sorted(path.relative_to(elsewhere).as_posix() for path in elsewhere.rglob('*') if path.is_file())
    run = 'work_dirs/tasks_asea_sbu_cv/fold1_seed0'
    assert files == [
        'results/tasks.json',
        *(f'{run}/{name}' for name in ('late/epoch_22.npz', 'result.json', 'test/scores.npz')),
    ]


def test_wrong_uses(called):
    Path('no.tar.gz').write_text('none')
    for words, message in (
        (['--minutes', '0.5'], 'expected more than 0.5, got 0.5'),
        (['--carried', 'no.tar.gz'], 'no.tar.gz: expected an archive of --pack'),
        (['--results', '../other', '--pack', 'a.tar.gz'], 'expected results and work folder below'),
    ):
        with pytest.raises(InputError, match=message):
            gpu_runs.main(words)
    with pytest.raises(FileNotFoundError, match='missing.tar.gz does not exist'):
        gpu_runs.main(['--carried', 'missing.tar.gz'])
