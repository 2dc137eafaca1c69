"""What the pages of the project say of results is what the results are."""

from pathlib import Path

import pytest

from asea_mm.evaluation.statistics import as_percent, with_spread

from ..complexity import page
from ..files import RESULTS, read_json, read_results
from ..statistics.comparison import mean_of_folds

ROOT = Path(__file__).parents[2]
LINES = [line.strip('| ').split(' | ') for line in (ROOT / 'docs' / 'results.md').read_text().splitlines()]
ROWS = {cells[-1].strip('`'): cells for cells in LINES if len(cells) == 8 and cells[-1].startswith('`')}


@pytest.mark.parametrize('name', ROWS)
def test_figures_of_the_page_are_those_of_the_results(name):
    tables = [read_results(RESULTS / f'{table}.json') for table in ('sbu_main', 'sbu_mssagcn')]
    (result,) = (table[name] for table in tables if name in table)
    _, seeds, last, late, best, loss, commit, _ = ROWS[name]
    assert seeds == str(len({run['seed'] for run in result.runs}))
    assert {run['commit'] for run in result.runs} == {commit}
    for text, key, written in (
        (last, 'last_top1', as_percent),
        (late, 'late_top1', as_percent),
        (best, 'best_top1', as_percent),
        (loss, 'last_cross_entropy', with_spread),
    ):
        assert text == '-' or text == written(mean_of_folds(result.runs, key))


def test_the_page_of_complexity_is_that_of_the_measurements():
    entries = read_json(RESULTS / 'benchmarks.json')
    chosen = {name: entry for name, entry in entries.items() if name.startswith('complexity')}
    assert (RESULTS / 'complexity.md').read_text() == page(chosen)
