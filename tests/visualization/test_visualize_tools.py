"""The tools from their command lines."""

import json

import pytest
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from asea_mm.visualization.clips import find_sample, read_clips, unit_of
from asea_mm.visualization.loading import load_test_data
from tests.cli.test_tools import DEMO, SMALL_MODEL, tool  # noqa: F401

OPTIONS = ['--cfg-options', *SMALL_MODEL, 'test_dataloader.dataset.num_samples=14']


@pytest.fixture(scope='module')
def config():
    cfg = Config.fromfile(DEMO)
    cfg.merge_from_dict({'model.backbone.channels': (8, 16), 'model.cls_head.in_channels': 16})
    cfg.test_dataloader.dataset.num_samples = 14
    return cfg


@pytest.fixture
def checkpoint(config, tmp_path):
    """Weights, beside them what a training and a test leave."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    run = tmp_path / 'run'
    (run / '20260101_000000' / 'vis_data').mkdir(parents=True)
    (run / '20260101_000000' / 'vis_data' / 'scalars.json').write_text(
        '{"loss": 1.5, "epoch": 1, "iter": 2, "step": 2}\n'
    )
    (run / 'report.json').write_text(json.dumps(dict(confusion=[[2, 1], [0, 3]], classes=['a', 'b'])))
    torch.save(dict(state_dict=model.state_dict()), run / 'weights.pth')
    return run / 'weights.pth'


def test_every_picture_of_a_sample_and_a_run(tool, checkpoint, tmp_path):  # noqa: F811
    pytest.importorskip('plotly')
    chosen = ['--sample', 'synthetic_val_00001', '1', '--out', 'pictures', '--moments', '2']
    code, out, err = tool('tools/visualize.py', DEMO, checkpoint, *chosen, *OPTIONS)
    assert code == 0, err
    kinds = ['active.png', 'attention.png', 'amplitude.png', 'animation.gif', 'page.html']
    expected = [f'pictures/synthetic_val_00001_{kind}' for kind in kinds]
    expected += ['pictures/confusion.png', 'pictures/training.png']
    assert [line for line in out.splitlines() if line.startswith('pictures/')] == expected
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob('pictures/*')) == sorted(expected)


def test_without_aea_the_pictures_of_the_run_remain(tool, tmp_path, checkpoint):  # noqa: F811
    content = Config.fromfile(DEMO)
    content.merge_from_dict({'model.backbone.channels': (8,), 'model.backbone.interaction': None})
    content.model.backbone.strides, content.model.cls_head.in_channels = None, 8
    init_default_scope('mmaction')
    torch.save(dict(state_dict=MODELS.build(content.model).state_dict()), checkpoint)
    model = ['model.backbone.channels=[8]', 'model.backbone.interaction=None', 'model.backbone.strides=None']
    options = ['--out', 'pictures', '--cfg-options', *model, 'model.cls_head.in_channels=8']
    code, out, err = tool('tools/visualize.py', DEMO, checkpoint, *options)
    assert code == 0, err
    assert 'left out the pictures of samples' in out
    assert sorted(path.name for path in tmp_path.glob('pictures/*')) == ['confusion.png', 'training.png']
    code, _, err = tool('tools/visualize.py', DEMO, checkpoint, '--what', 'active', *options)
    assert code == 1
    assert 'AEA' in err


def test_one_kind_in_another_format(tool, checkpoint, tmp_path):  # noqa: F811
    chosen = ['--what', 'attention', '--format', 'svg', '--stages', '2', '--frame', '3', '--out', tmp_path / 'p']
    assert tool('tools/visualize.py', DEMO, checkpoint, *chosen, *OPTIONS)[0] == 0
    (path,) = (tmp_path / 'p').iterdir()
    assert path.name == 'synthetic_val_00000_attention.svg'
    assert 'shaking' in path.read_text() or '<svg' in path.read_text()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--sample', '14'], "error: no sample '14' in this split: expected an index from 0 to 13, or a name such as"),
        (['--stages', '3', '--what', 'active'], 'error: expected stages from 1 to 2, got [3]'),
        (['--clip', '1'], "error: sample 'synthetic_val_00000': expected a clip from 0 to 0, got 1"),
        (['--what', 'confusion', '--report', 'none.json'], 'error: none.json does not exist'),
        (['--what', 'training', '--scalars', 'none.json'], 'error: none.json does not exist'),
        (['--fold', '1'], "error: --fold: no dataset of this config has an option 'fold'"),
    ],
)
def test_one_line_for_every_error(options, message, tool, checkpoint):  # noqa: F811
    code, _, err = tool('tools/visualize.py', DEMO, checkpoint, *options, *OPTIONS)
    assert code == 1
    assert err.splitlines()[-1].startswith(message)


def test_wrong_checkpoints(tool, checkpoint):  # noqa: F811
    for name in ('visualize', 'body_parts'):
        code, _, err = tool(f'tools/{name}.py', DEMO, 'none.pth')
        assert (code, err.splitlines()[-1]) == (1, 'error: checkpoint none.pth does not exist')
    code, _, err = tool('tools/body_parts.py', DEMO, checkpoint)
    assert code == 1
    assert 'does not fit the model of this config' in err.splitlines()[-1]


def test_missing_files_of_a_run_are_left_out(tool, checkpoint):  # noqa: F811
    for path in checkpoint.parent.rglob('*.json'):
        path.unlink()
    import runpy
    from types import SimpleNamespace

    from tests.cli.test_tools import ROOT

    space = runpy.run_path(str(ROOT / 'tools' / 'visualize.py'))
    args = SimpleNamespace(what=None, report=None, scalars=None)
    assert space['draw_run'](args, ['confusion', 'training'], [checkpoint.parent]) == []
    args.what = ['training']
    with pytest.raises(FileNotFoundError, match='tools/train.py writes it'):
        space['draw_run'](args, ['training'], [checkpoint.parent])


def test_body_parts(tool, checkpoint, tmp_path):  # noqa: F811
    code, out, err = tool('tools/body_parts.py', DEMO, checkpoint, '--out', tmp_path / 'parts', *OPTIONS)
    assert code == 0, err
    assert 'left arm' in out
    assert {path.name for path in (tmp_path / 'parts').iterdir()} == {f'body_parts.{s}' for s in ('json', 'md', 'png')}
    content = json.loads((tmp_path / 'parts' / 'body_parts.json').read_text())
    assert sum(row['samples'] for row in content['classes']) == 14
    assert {'commit', 'config', 'checkpoint', 'fold'} < set(content)


def test_samples_units_and_joints_of_a_dataset(config):
    dataset = load_test_data(config)
    assert find_sample(dataset, 'synthetic_val_00003') == find_sample(dataset, '3') == 3
    assert unit_of(dataset) == 'm'
    info, joints, inputs = read_clips(dataset, 3)
    assert info['frame_dir'] == 'synthetic_val_00003'
    assert joints.shape == (1, 2, 32, 25, 3)
    assert torch.equal(inputs, torch.from_numpy(joints)), 'the stream is joint'
