"""Results as files: JSON for programs, a page of Markdown for readers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def markdown_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown; bars within cells do not split them."""
    lines = [' | '.join(cell.replace('|', '\\|') for cell in row) for row in (titles, *rows)]
    return [f'| {lines[0]} |', '|---' * len(titles) + '|', *(f'| {line} |' for line in lines[1:])]


def write_result(out: str | Path, result: Mapping[str, Any], page: Sequence[str]) -> None:
    """Write a result to ``out.json`` and the lines of its page to ``out.md``; the folder is made if need be."""
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    Path(f'{out}.json').write_text(json.dumps(result) + '\n', encoding='utf-8')
    Path(f'{out}.md').write_text('\n'.join(page) + '\n', encoding='utf-8')
