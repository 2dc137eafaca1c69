"""The examples of docs/inference.md run, and the tools work."""

import json
import re
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from asea_mm.apis import InteractionResult

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / 'docs' / 'inference.md').read_text()
EXAMPLES = re.findall(r'^```python\n(.*?)^```', TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def tool(monkeypatch, tmp_path, capsys):
    """Runs a tool in this process and in an empty folder; returns its exit code and what it wrote."""
    monkeypatch.chdir(tmp_path)

    def run(path, *arguments):
        monkeypatch.setattr(sys, 'argv', [path, *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            runpy.run_path(str(ROOT / path), run_name='__main__')
        except SystemExit as exit_:
            code = exit_.code
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize('number', range(3))
def test_examples_run(number, checkpoint, tmp_path, monkeypatch, capsys):
    assert len(EXAMPLES) == 3
    shutil.copy(checkpoint, tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)
    exec(compile(EXAMPLES[number], f'example {number}', 'exec'), {})
    assert len(capsys.readouterr().out.splitlines()) >= 3


def test_infer(tool, checkpoint, samples, tmp_path):
    for name, keypoint in (('one', samples[0]), ('two', samples[1])):
        np.save(tmp_path / f'{name}.npy', keypoint)
    options = [
        '--model',
        checkpoint,
        '--window',
        16,
        '--json',
        'out/all.json',
        '--picture',
        'out/strip.png',
        '--explain',
    ]
    code, out, err = tool('tools/infer.py', 'one.npy', 'two.npy', *options)
    assert code == 0, err
    content = json.loads((tmp_path / 'out' / 'all.json').read_text())
    results = [InteractionResult.from_dict(result) for result in content['results']]
    assert [result.name for result in results] == ['one', 'two']
    assert len(results[0].best.windows) > 3
    assert results[0].best.attention
    for result in results:
        assert result.label_name in out
        assert result.label_name == content['classes'][result.label]
    for number in (0, 1):
        picture = imread(tmp_path / 'out' / f'strip_{number}.png')
        assert picture.shape[0] > 400
        assert picture.std() > 0.05


def test_infer_chosen_pairs(tool, checkpoint, crowd, tmp_path):
    np.save(tmp_path / 'crowd.npy', crowd)
    code, _, err = tool('tools/infer.py', 'crowd.npy', '--model', checkpoint, '--pairs', '3-0,1-4', '--json', 'x.json')
    assert code == 0, err
    (result,) = json.loads((tmp_path / 'x.json').read_text())['results']
    assert [pair['persons'] for pair in result['pairs']] == [[3, 0], [1, 4]]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['none.npy'], 'none.npy: no such file'),
        (['clip.npy', '--pairs', '1:2'], "--pairs: expected auto, all or numbers such as 0-2,1-3, got '1:2'"),
        (['clip.npy', '--overlap', '3'], 'overlap: expected a window'),
        (['short.npy'], 'short.npy: expected 25 joints'),
    ],
)
def test_wrong_commands_are_one_line(tool, checkpoint, tmp_path, arguments, message):
    np.save(tmp_path / 'clip.npy', np.ones((2, 10, 25, 3)))
    np.save(tmp_path / 'short.npy', np.ones((2, 10, 5, 3)))
    code, _, err = tool('tools/infer.py', *arguments, '--model', checkpoint)
    assert code == 1
    (line,) = [line for line in err.splitlines() if line.startswith('error: ')]
    assert message in line
    assert 'Traceback' not in err


def test_benchmark_of_streams(tool, config, tmp_path):
    config.dump(tmp_path / 'tiny.py')
    options = ['--config', 'tiny.py', '--pairs', 1, 3, '--seconds', 0.5, '--num-clips', 1, '--window', 8, '--stride', 4]
    code, _, err = tool('tools/benchmark_streaming.py', *options, '--out', 'out/streams.json')
    assert code == 0, err
    rows = json.loads((tmp_path / 'out' / 'streams.json').read_text())['pairs']
    assert [row['persons'] for row in rows.values()] == [2, 3]
    for row in rows.values():
        assert row['frames'] == 15
        assert row['evaluations'] in (3, 4)
        assert 0 < row['median_ms'] <= row['p99_ms']
