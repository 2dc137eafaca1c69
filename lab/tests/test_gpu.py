"""What a GPU is measured by, with the CPU in its place."""

import sys

import pytest

from .. import gpu, profile
from ..files import read_json


def test_every_part_has_its_time_and_the_file_is_whole_after_each(tmp_path):
    out = tmp_path / 'gpu.json'
    done = ['-c', 'import sys, pathlib; pathlib.Path(sys.argv[2]).write_text("{\\"a\\": 1}")']
    todo = [
        gpu.Part('beside', 60, done, beside=True),
        gpu.Part('parity', 60, done),
        gpu.Part('slow', 0.5, ['-c', 'import time; time.sleep(60)']),
        gpu.Part('wrong', 60, ['-c', 'raise SystemExit("no such thing")']),
    ]
    found = gpu.run_parts(todo, out, {'device': 'x'}, 120)
    content = read_json(out)
    assert content['device'] == 'x'
    assert content['parts'] == found
    outcomes = {name: entry['outcome'] for name, entry in found.items()}
    assert outcomes == {'beside': 'done', 'parity': 'done', 'slow': 'time limit', 'wrong': 'failed with 1'}
    assert found['parity']['figures'] == {'a': 1}
    assert 'no such thing' in found['wrong']['printed']
    assert found['slow']['seconds'] < 30
    left = gpu.run_parts(todo[1:2], out, {}, 0)
    assert left['parity']['outcome'] == 'no time was left'


def test_its_commands_are_understood(monkeypatch):
    for device, quick in (('cpu', True), ('cuda', False)):
        for part in gpu.parts(device, quick):
            assert part.seconds < gpu.SECONDS
            module, words = part.words[1], part.words[2:]
            if module == 'pytest':
                assert 'tests/test_gpu.py' in words
                continue
            parser = __import__(module, fromlist=['main'])
            monkeypatch.setattr(sys, 'argv', ['x'])
            with pytest.raises(SystemExit) as stopped:
                parser.main([*words, '--help'])
            assert stopped.value.code == 0


def test_longest_kernels(tmp_path):
    out = tmp_path / 'profile.json'
    profile.main(['--device', 'cpu', '--batch', '1', '--frames', '4', '--threads', '1', '--out', str(out)])
    found = read_json(out)
    for name in ('inference', 'training'):
        longest = found[name]['longest']
        assert len(longest) == profile.LONGEST
        assert found[name]['busy_ms'] >= longest[0]['ms'] >= longest[-1]['ms'] > 0
