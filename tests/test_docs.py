"""The commands of README and docs: their files and options exist, and what one reads another has written."""

import re
import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from asea_mm.engine import load_config, parse_options

ROOT = Path(__file__).parents[1]
PAGES = {page.name: page for page in [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]}


def commands_of(page: Path) -> list[list[str]]:
    """The words of every line of a page that calls a tool, without comments."""
    text = page.read_text().replace('\\\n', ' ')
    lines = re.findall(r'^ *(?:OMP_NUM_THREADS=1 )?python (tools/.*|examples/.*)$', text, flags=re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


COMMANDS = {name: commands for name, page in PAGES.items() if (commands := commands_of(page))}


@pytest.mark.parametrize('name', COMMANDS)
def test_commands_have_their_options(name):
    shared = (ROOT / 'asea_mm' / 'engine' / 'running.py').read_text()
    for tool, *words in COMMANDS[name]:
        source = (ROOT / tool).read_text() + shared
        for option in (word for word in words if word.startswith('--')):
            assert f"'{option}'" in source, f'{tool} {option}'


@pytest.mark.parametrize('name', ['README.md', 'inference.md'])
def test_checkpoints_are_where_the_training_left_them(name, monkeypatch, tmp_path):
    trained = set()
    for tool, config, *options in COMMANDS[name]:
        if tool != 'tools/train.py' or config == 'CONFIG':
            continue
        path = ROOT / config
        if not path.exists():  # one that the reader has to write
            path = tmp_path / path.name
            path.touch()
        monkeypatch.setattr(sys, 'argv', [tool, *options])
        args = parse_options(ArgumentParser())
        args.config = str(path)
        trained.add(load_config(args).work_dir)
    read = {Path(found).parent for found in re.findall(r'work_dirs/\S+?/last_checkpoint', PAGES[name].read_text())}
    assert {str(folder) for folder in read} <= trained
