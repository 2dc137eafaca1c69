"""The examples of docs/inference.md run with a model."""

import re
import shutil
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / 'docs' / 'inference.md').read_text()
EXAMPLES = re.findall(r'^```python\n(.*?)^```', TEXT, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize('code', EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_run(code, checkpoint, tmp_path, monkeypatch, capsys):
    shutil.copy(checkpoint, tmp_path / 'model.pth')
    monkeypatch.chdir(tmp_path)
    exec(compile(code, 'docs/inference.md', 'exec'), {})
    assert capsys.readouterr().out
