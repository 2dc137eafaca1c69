"""The campaigns in their short form; the whole is ``make campaign``."""

import pytest

from tests.campaigns import code_from_files, mutated_inputs, writers


def test_no_code_of_a_file_runs():
    figures = code_from_files.main(quick=True)
    assert figures['attempts'] >= 600
    assert {name: figures[name] for name in ('ran', 'other errors')} == {'ran': 0, 'other errors': 0}


@pytest.mark.parametrize('reader', mutated_inputs.READERS)
def test_damaged_inputs(reader):
    figures = mutated_inputs.main(quick=True, names=(reader,))[reader]
    assert set(figures) == {'inputs', 'accepted'}, figures


def test_writers():
    figures = writers.main(quick=True)
    for name, counts in figures.items():
        for kind in (
            'failures',
            'mixed reads',
            'mixed',
            'accepted too little',
            'old file lost',
            'file not named',
            'left over',
        ):
            assert not counts.get(kind), f'{name}: {counts}'
    assert figures['full disk']['failed writes'] >= 100
