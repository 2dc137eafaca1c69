"""Files of scores: of one test, and of all runs of a cross-validation; bad ones are named."""

import numpy as np
import pytest

from asea_mm.evaluation.scores import read_class_names, read_runs, read_scores, run_folder, write_runs

from .test_fusion import FIRST, SECOND, stream, write


def test_files_are_read_and_bad_ones_named(tmp_path):
    path = write(tmp_path / 'scores.npz', FIRST)
    again = read_scores(path)
    assert again.ids == FIRST.ids
    np.testing.assert_array_equal(again.scores, FIRST.scores)
    bad = tmp_path / 'bad.npz'
    for damaged in (path.read_bytes()[:200], b'', b'text'):
        bad.write_bytes(damaged)
        with pytest.raises(ValueError, match=r'bad\.npz: expected a file with ids, scores'):
            read_scores(bad)
    with pytest.raises(ValueError, match='labels, and of runs'):
        read_scores(write(bad, stream(np.eye(2), [0, 1, 1])))
    np.savez(bad, scores=np.array([{}]), labels=np.zeros(1), ids=np.zeros(1))
    with pytest.raises(ValueError, match='allow_pickle'):
        read_scores(bad)
    with pytest.raises(FileNotFoundError, match='do not exist'):
        read_scores(tmp_path / 'none.npz')


@pytest.mark.parametrize('numbers', [[(1, 0), (2, 0), (1, 1), (2, 1)], [(0, 0), (0, 3)], [(0, 0)]])
def test_all_runs_in_one_file(tmp_path, numbers):
    other = stream([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]], [1, 0, 0], ['x', 'y', 'z'])
    runs = dict(zip(numbers, [FIRST, other, SECOND, other], strict=False))
    write_runs(tmp_path / 'out.npz', runs, ['hug', 'push'])
    again = read_runs(tmp_path / 'out.npz')
    assert list(again) == numbers
    for run, of in runs.items():
        assert again[run].ids == of.ids
        np.testing.assert_array_equal(again[run].labels, of.labels)
        np.testing.assert_array_equal(again[run].scores, of.scores.astype(np.float32))
    assert read_class_names(tmp_path / 'out.npz') == ['hug', 'push']
    if len(runs) > 1:
        with pytest.raises(ValueError, match='scores of one test, got those of a cross-validation'):
            read_scores(tmp_path / 'out.npz')


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        ({'seeds': None}, r"folds and seeds, of 4 samples .*'folds': \(4,\)"),
        ({'folds': np.zeros(3)}, r"folds and seeds, of 4 samples .*'folds': \(3,\), 'seeds': \(4,\)"),
        ({'classes': np.array(['hug'])}, 'names of 2 classes'),
        ({'folds': np.ones(4, dtype=int)}, 'fold 1 seed 0: 2 samples have the name of another'),
        ({'scores': np.full((4, 2), np.nan)}, 'fold 1 seed 0: scores of 2 samples are not finite'),
    ],
)
def test_bad_files_of_runs_are_named(tmp_path, changed, message):
    path = tmp_path / 'out.npz'
    write_runs(path, {(1, 0): FIRST, (2, 0): SECOND}, ['hug', 'push'])
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(ValueError, match=rf'out\.npz.*{message}'):
        read_runs(path)


def test_runs_of_a_work_folder_are_those_that_are_finished(tmp_path):
    for fold, scores in ((1, FIRST), (2, SECOND)):
        write(tmp_path / run_folder(fold, 0) / 'test' / 'scores.npz', scores)
    with pytest.raises(ValueError, match=r'expected scores.npz or finished runs of cross-validation'):
        read_runs(tmp_path)
    (tmp_path / run_folder(2, 0) / 'result.json').write_text('{}')
    assert list(read_runs(tmp_path)) == [(2, 0)]
    write(tmp_path / 'scores.npz', FIRST)
    assert list(read_runs(tmp_path)) == [(0, 0)], 'of a single test'
