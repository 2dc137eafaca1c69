"""Results as files: JSON for programs, a page of Markdown for readers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from asea_mm.datasets.files.whole import write_whole
from asea_mm.errors import InputError


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown; bars within cells do not split them."""
    lines = [' | '.join(cell.replace('|', '\\|') for cell in row) for row in (titles, *rows)]
    return [f'| {lines[0]} |', '|---' * len(titles) + '|', *(f'| {line} |' for line in lines[1:])]


def read_json(path: Path) -> Any:
    """The content of a JSON file; one that is none is named."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f'{path}: expected a JSON file, got {error}') from None


def read_yaml(path: Path, what: str) -> Any:
    """The content of a YAML file; one that is none, or is not there, is named.

    Args:
        path: The file.
        what: What it should be, for the error.
    """
    if not path.is_file():
        raise FileNotFoundError(f'{what} {path} does not exist')
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: expected YAML, got {error}') from None


def write_result(out: str | Path, result: Mapping[str, Any], page: Sequence[str]) -> None:
    """Write a result to ``out.json`` and the lines of its page to ``out.md``; the folder is made if need be."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    write_whole(Path(f'{out}.json'), json.dumps(result) + '\n')
    write_whole(Path(f'{out}.md'), '\n'.join(page) + '\n')
