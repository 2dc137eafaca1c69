"""Results as files: JSON for programs, a page of Markdown for readers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown; bars within cells do not split them."""
    lines = [' | '.join(cell.replace('|', '\\|') for cell in row) for row in (titles, *rows)]
    return [f'| {lines[0]} |', '|---' * len(titles) + '|', *(f'| {line} |' for line in lines[1:])]


def write_whole(path: Path, text: str) -> None:
    """Write a file that others never see half written, and that an interruption leaves as it was."""
    part = path.with_name(f'.{path.name}.part')
    part.write_text(text, encoding='utf-8')
    os.replace(part, path)


def write_result(out: str | Path, result: Mapping[str, Any], page: Sequence[str]) -> None:
    """Write a result to ``out.json`` and the lines of its page to ``out.md``; the folder is made if need be."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    write_whole(Path(f'{out}.json'), json.dumps(result) + '\n')
    write_whole(Path(f'{out}.md'), '\n'.join(page) + '\n')
