"""The command for Kinetics-10: what it writes, what it lists, and its exit codes."""

import pytest

from asea_mm.datasets import load_annotations

from .test_kinetics import GOOD, K400_CLASSES, LEFT, RIGHT, clip, write_tree
from .test_prepare_data import tool  # noqa: F401


@pytest.fixture
def raw(tmp_path):
    clips = {f'clip{label}': clip([LEFT, RIGHT], [RIGHT, LEFT], label=label) for label in K400_CLASSES}
    write_tree(tmp_path / 'raw', {f'held{name}': content for name, content in clips.items()}, 'val')
    return write_tree(tmp_path / 'raw', clips)


def test_what_it_writes(tool, raw, tmp_path, monkeypatch, capsys):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    assert tool.main(['kinetics10', 'raw']) == 0
    content = load_annotations('data/kinetics/kinetics10.pkl')
    assert [len(content['split'][part]) for part in ('train', 'val')] == [10, 10]
    printed = capsys.readouterr()
    rows = {line.split()[0]: line.split()[1:] for line in printed.out.splitlines() if line.split()}
    assert rows['hugging'] == ['1', '1', '2', '2/2/2']
    assert rows['all'] == ['10', '10', '20', '2/2/2']
    assert 'wrote 20 samples to data/kinetics/kinetics10.pkl' in printed.out
    assert 'left out' not in printed.err


@pytest.mark.parametrize(('options', 'code'), [([], 0), (['--strict'], 1)])
def test_wrong_clips_are_listed_at_the_end(tool, raw, tmp_path, capsys, options, code):  # noqa: F811
    for name in ('clip44', 'clip158'):
        (raw / 'kinetics_train' / f'{name}.json').write_text(GOOD[:-9])
    out = tmp_path / 'k.pkl'
    assert tool.main(['kinetics10', str(raw), '--out', str(out), *options]) == code
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert [name in line for name, line in zip(('clip44.json', 'clip158.json'), lines[-3:], strict=False)] == [True] * 2
    assert lines[-1].startswith('error: ' if code else 'warning: left out 2 of 20 clips')
    assert out.exists() == (code == 0)
    if not code:
        assert len(load_annotations(out)['annotations']) == 18


def test_nothing_to_convert_is_an_error(tool, raw, tmp_path, capsys):  # noqa: F811
    for path in raw.glob('kinetics_*/*.json'):
        path.write_text('{')
    assert tool.main(['kinetics10', str(raw), '--out', str(tmp_path / 'k.pkl')]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert lines[-1].startswith('error: ')
    assert 'none of 20 clips could be converted' in lines[-1]
    assert not (tmp_path / 'k.pkl').exists()
