"""Several models as one at the command line: fused, fitted, tested, calibrated, used, and refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from asea_mm.engine.trained_on import hashes
from asea_mm.evaluation.fusion import choose_weights, fuse
from asea_mm.evaluation.scores import read_scores

from .conftest import run_asea
from .tiny import IN_PROCESS, SMALL, annotations, check_one_line, save

DATA = [*IN_PROCESS, *(f'{name}_dataloader.dataset.num_samples=24' for name in ('train', 'val', 'test'))]


@pytest.fixture(scope='module')
def other(tmp_path_factory):
    """The checkpoint of a model of another stream and seed."""
    folder = tmp_path_factory.mktemp('other')
    options = ['--stream', 'bone,joint_motion', '--seed', 4, '--cfg-options', *SMALL]
    assert run_asea('train', 'asea_demo', '--work-dir', folder, *options) == 0
    return folder / 'epoch_1.pth'


def test_scores_are_those_of_fused_score_files(command, trained, other):
    for name, model, stream in (('one', trained, 'joint'), ('two', other, 'bone,joint_motion')):
        options = ['--stream', stream, '--work-dir', name, '--cfg-options', *SMALL]
        assert command('test', 'asea_demo', model, *options)[0] == 0
    assert command('fuse', 'one', 'two', '--weights', 3, 1, '--rule', 'product', '--out', 'scores')[0] == 0
    code, said, _ = command('fuse', trained, other, '--weights', 3, 1, '--rule', 'product', '--out', 'pair.pth')
    assert code == 0
    assert '0.75' in said or '3 ' in said
    assert command('test', 'asea_demo', 'pair.pth', '--work-dir', 'pair', '--cfg-options', *DATA)[0] == 0
    expected, got = read_scores('scores.npz'), read_scores('pair/scores.npz').at(read_scores('scores.npz').ids)
    np.testing.assert_allclose(got.scores, expected.scores, atol=1e-6)

    # weights of the most right answers on the data that is named
    fit = ['--weights', 'fit', '--data', 'asea_demo', '--out', 'fitted.pth', '--cfg-options', *DATA]
    code, said, _ = command('fuse', trained, other, *fit)
    assert code == 0
    streams = [read_scores(f'{name}/scores.npz') for name in ('one', 'two')]
    weights = choose_weights([streams])
    assert f'{fuse(streams, weights).top1:.2%}' in said
    model = torch.load('fitted.pth', weights_only=False)['meta']['cfg'].partition('\n')[0]
    assert [member['weight'] for member in eval(model.partition(' = ')[2])['members']] == list(weights)

    # the whole is calibrated and used as any other
    assert command('calibrate', 'pair.pth', 'pair', '--out', 'sure.pth')[0] == 0
    keypoint = np.random.default_rng(0).normal(size=(2, 30, 25, 3)).astype(np.float32)
    np.save('clip.npy', keypoint)
    found = {}
    for name in ('pair', 'sure'):
        assert command('infer', 'clip.npy', '--model', f'{name}.pth', '--json', f'{name}.json')[0] == 0
        found[name] = json.loads(Path(f'{name}.json').read_text(encoding='utf-8'))['results'][0]['pairs'][0]['scores']
    assert found['pair'] != found['sure']
    assert np.argmax(found['pair']) == np.argmax(found['sure'])


def test_data_that_a_member_was_trained_on_fits_no_weights(command, trained, other, tmp_path):
    """Of an annotation file the split val counts; here it holds what one member was trained on."""
    samples = annotations(joints=25, classes=12)
    save(tmp_path / 'data.pkl', samples, 'nturgbd25', 12, ('',))
    fit = ['--weights', 'fit', '--data', 'data.pkl', '--out', 'fitted.pth']
    content = torch.load(other, weights_only=False)

    class Seen:
        def sample_names(self):
            return [(sample['frame_dir'], sample['total_frames']) for sample in samples]

    nothing = torch.tensor([], dtype=torch.int64)
    content['meta']['trained_on'] = dict(parts=['here'], samples=torch.tensor(hashes(Seen())), validated=nothing)
    torch.save(content, 'seen.pth')
    check_one_line(command('fuse', trained, 'seen.pth', *fit), ['seen.pth', 'trained on here'])


def test_wrong_uses_are_refused(command, trained, other):
    pair = [trained, other]
    for words, said in (
        ([*pair], ['--out']),
        ([*pair, '--out', 'x.npz'], ['.pth']),
        ([*pair, '--out', 'x.pth', '--seeds', 1], ['--seeds']),
        ([*pair, '--out', 'x.pth', '--weights', 'fit'], ['--data']),
        ([*pair, '--out', 'x.pth', '--weights', 1, 1, '--data', 'asea_demo'], ['--data']),
        ([*pair, '--out', 'x.pth', '--weights', 1], ['2 weights']),
        ([trained, 'scores.npz', '--out', 'x.pth'], ['both']),
        (['a', 'b', '--data', 'asea_demo'], ['--data']),
    ):
        check_one_line(command('fuse', *words), said)
    assert command('fuse', *pair, '--out', 'pair.pth')[0] == 0
    names = ['epoch_1.pth', 'several models']
    check_one_line(command('export', 'asea_demo', 'pair.pth'), names)
    check_one_line(command('test', 'asea_demo', 'pair.pth', '--stream', 'bone'), ['--stream', 'several models'])
    load = ['--cfg-options', 'load_from=pair.pth', *SMALL]
    check_one_line(command('train', 'asea_demo', *load), ['pair.pth', 'several models'])
