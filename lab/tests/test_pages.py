"""Results as files."""

import json

import pytest

from asea_mm.datasets.files.whole import write_whole

from ..statistics.pages import markdown_table, write_result


def test_a_bar_in_a_cell_does_not_split_it():
    assert markdown_table(['', 'a|b'], [('x', '1'), ('y|z', '2')]) == [
        '|  | a\\|b |',
        '|---|---|',
        '| x | 1 |',
        '| y\\|z | 2 |',
    ]


def test_a_result_is_written_beside_its_page(tmp_path):
    out = tmp_path / 'new' / 'folder' / 'sbu_v1.5'  # the point is no suffix
    write_result(out, {'α': 0.5}, ['# Title', '', 'α = 0.5 ± 0.1'])
    assert sorted(path.name for path in out.parent.iterdir()) == ['sbu_v1.5.json', 'sbu_v1.5.md']
    assert json.loads((out.parent / 'sbu_v1.5.json').read_text(encoding='utf-8')) == {'α': 0.5}
    assert (out.parent / 'sbu_v1.5.md').read_text(encoding='utf-8') == '# Title\n\nα = 0.5 ± 0.1\n'


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / 'result.json'
    write_whole(path, 'before')
    with pytest.raises(UnicodeEncodeError):  # after the file was opened, as a full disk would be noticed
        write_whole(path, 'x' * 100_000 + '\ud800')
    assert path.read_text() == 'before'
