"""Which checkpoint a training goes on from."""

import pytest
import torch

from asea_mm.engine.resuming import INTERRUPTED, LAST, latest_checkpoint


def write(path, steps):
    content = {'state_dict': {'a': torch.zeros(3)}, 'optimizer': {}, 'meta': {'epoch': 0, 'iter': steps}}
    torch.save(content, path)


@pytest.mark.parametrize(
    ('named', 'damaged', 'expected'),
    [
        ('{folder}/epoch_2.pth', [], 'epoch_2.pth'),
        ('/elsewhere/before/epoch_2.pth', [], 'epoch_2.pth'),
        (r'C:\runs\before\epoch_2.pth', [], 'epoch_2.pth'),
        ('', [], 'epoch_10.pth'),
        (None, [], 'epoch_10.pth'),
        ('epoch_10.pth', ['epoch_10.pth'], INTERRUPTED),
        ('epoch_11.pth', ['epoch_10.pth', INTERRUPTED], 'epoch_9.pth'),
        ('epoch_10.pth', ['epoch_10.pth', INTERRUPTED, 'epoch_9.pth', 'epoch_2.pth'], None),
    ],
)
def test_the_newest_whole_one_of_this_folder(tmp_path, capsys, named, damaged, expected):
    files = {'epoch_2.pth': 20, 'epoch_9.pth': 90, 'epoch_10.pth': 100, INTERRUPTED: 95}
    for name, steps in files.items():
        write(tmp_path / name, steps)
    write(tmp_path / 'best_acc_epoch_99.pth', 990)  # has no state of a training
    for name in damaged:
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-100])
    if named is not None:
        (tmp_path / LAST).write_text(named.format(folder=tmp_path))
    found = latest_checkpoint(tmp_path)
    assert (found and found.name) == expected
    said = capsys.readouterr().err
    assert bool(said) == (named == '' or bool(damaged)), 'what is damaged is said'
    assert all(name in said for name in (expected, LAST if named == '' else named) if said and name)


def test_an_empty_folder_has_none(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    assert latest_checkpoint(tmp_path / 'missing') is None
