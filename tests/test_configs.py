"""Every config builds and trains a step; so do the examples of the README."""

import ast
import os
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import init_default_scope

from asea_mm.datasets import load_annotations
from asea_mm.engine.options import LOADERS, apply_options
from asea_mm.skeletons import get_skeleton

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
BASES = ROOT / 'configs' / '_base_'
EXAMPLES = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), flags=re.DOTALL)


class Data(NamedTuple):
    """What cannot be read from a config, because the annotation file says it."""

    layout: str
    coordinates: int
    classes: int


# by the name of the annotation file
DATA = dict(
    synthetic=Data('nturgbd25', 3, 12),
    sbu=Data('sbu15', 3, 8),
    ntu26=Data('nturgbd25', 3, 26),
    ntu60=Data('nturgbd25', 3, 60),
    kinetics10=Data('openpose18', 2, 10),
)

every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
FITTED = ['kernel_sbu']  # in closed form; tests/models/test_kernel.py trains it
every_network = pytest.mark.parametrize(
    'path', [path for path in CONFIGS if path.stem not in FITTED], ids=lambda path: path.stem
)


def example(text: str) -> str:
    """The one example of the README that contains a text."""
    (found,) = [code for code in EXAMPLES if text in code]
    return found


def step(model_cfg: dict, joints: int, channels: int, frames: int = 16) -> dict[str, float]:
    """Build a model and take one training step on random pairs."""
    init_default_scope('mmaction')
    torch.manual_seed(0)
    model = MODELS.build(model_cfg)
    model.init_weights()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    samples = [ActionDataSample().set_gt_label(label) for label in range(2)]
    losses = model(torch.randn(2, 1, 2, frames, joints, channels), samples, mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    optimizer.step()
    assert torch.isfinite(total)
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    return {name: float(loss.detach()) for name, loss in losses.items()}


def channels(backbone: dict) -> int:
    """Input channels that a config gives its backbone, or the one that this wraps; three is their default."""
    while 'backbone' in backbone:
        backbone = backbone['backbone']
    return backbone.get('in_channels', 3)


def data_of(cfg: Config) -> Data:
    """What the dataset of a config holds, which its file would say."""
    dataset = cfg.train_dataloader.dataset
    known = DATA[Path(dataset.get('ann_file', 'synthetic')).stem]
    return known._replace(classes=len(dataset.classes)) if dataset.get('classes') else known


def inputs_of(pipeline: list[dict], data: Data, frames: int = 20) -> torch.Tensor:
    """A random sample after a pipeline: (clips, M, T, V, C)."""
    init_default_scope('mmaction')
    rng = np.random.default_rng(0)
    shape = (2, frames, get_skeleton(data.layout).num_joints, data.coordinates)
    keypoint = rng.uniform(0.1, 0.9, size=shape).astype(np.float32)
    sample = dict(keypoint=keypoint, layout=data.layout, frame_dir='clip', label=1, total_frames=frames)
    if data.coordinates == 2:
        sample['keypoint_score'] = rng.uniform(0.1, 0.9, size=shape[:3]).astype(np.float32)
    return Compose([TRANSFORMS.build(step) for step in pipeline])(sample)['inputs']


@every_network
def test_config_takes_a_training_step_on_what_its_pipeline_gives(path):
    cfg = Config.fromfile(path)
    inputs = inputs_of(cfg.train_dataloader.dataset.pipeline, data_of(cfg))
    losses = step(cfg.model, *inputs.shape[-2:])
    assert 'loss_cls' in losses
    assert ('loss_reg' in losses) == bool(MODELS.build(cfg.model).thresholds())


@every_network
def test_learning_rate_is_that_of_the_batch_size(path):
    config = Config.fromfile(path)
    assert config.auto_scale_lr == dict(enable=False, base_batch_size=config.train_dataloader.batch_size)


@every_config
def test_no_sample_of_training_is_tested(path):
    config = Config.fromfile(path)
    assert config.train_dataloader.dataset.split.endswith('train')
    assert config.val_dataloader.dataset.split.endswith('val')
    assert config.test_dataloader.dataset.split.endswith('val')


@every_config
def test_head_has_as_many_classes_as_the_data(path):
    cfg = Config.fromfile(path)
    assert cfg.model.cls_head.num_classes == data_of(cfg).classes


@every_config
@pytest.mark.parametrize('stream', [None, 'joint_motion', 'joint,bone,bone_motion'])
def test_pipelines_give_the_joints_and_channels_of_the_backbone(path, stream):
    cfg = apply_options(Config.fromfile(path), stream=stream)
    data = data_of(cfg)
    for name in LOADERS:
        inputs = inputs_of(cfg[name].dataset.pipeline, data)
        assert inputs.shape[-1] == channels(cfg.model.backbone)
        assert inputs.shape[-2] == get_skeleton(data.layout).num_joints


def bases(path: Path) -> Iterator[Path]:
    """The base files that a config inherits, also by way of another leaf, in order."""
    tree = ast.parse(path.read_text())  # not run: {{_base_.key}} means nothing but to mmengine
    assigned = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    named = ast.literal_eval(assigned['_base_']) if '_base_' in assigned else []
    for base in [named] if isinstance(named, str) else named:
        file = (path.parent / base).resolve()
        yield from [file] if BASES in file.parents else bases(file)


@every_config
def test_leaves_are_short_and_inherit_all_four_axes(path):
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith('#')]
    assert len(lines) <= 15
    assert [base.relative_to(BASES).parts[0] for base in bases(path)] == [
        *('models', 'datasets', 'schedules', 'default_runtime.py')
    ]


def test_base_files_of_different_axes_share_no_key():
    axes: dict[str, set] = {}
    for path in sorted(BASES.rglob('*.py')):
        axis = path.parent.name if path.parent != BASES else path.stem
        axes.setdefault(axis, set()).update(Config.fromfile(path).to_dict())
    assert set(axes) == {'models', 'datasets', 'schedules', 'default_runtime'}
    names = sorted(axes)
    for index, first in enumerate(names):
        for second in names[index + 1 :]:
            assert not axes[first] & axes[second], (first, second)


def test_every_base_is_used():
    used = {base for path in CONFIGS for base in bases(path)}
    for base in list(used):
        used.update(bases(base))
    assert used == set(BASES.rglob('*.py'))


@pytest.mark.parametrize('recognizer', ['InteractionRecognizer', 'RecognizerGCN'])
def test_parts_in_an_mmaction_config_as_the_readme_has_them(tmp_path, recognizer):
    imports = example('custom_imports = ')
    (tmp_path / 'mine.py').write_text(imports + example(f"type='{recognizer}'"))
    losses = step(Config.fromfile(tmp_path / 'mine.py').model, 25, 3)
    assert ('loss_reg' in losses) == (recognizer == 'InteractionRecognizer')


def test_own_dataset_as_the_readme_has_it(tmp_path, monkeypatch):
    code = example('_base_ = ')
    assert len(code.splitlines()) <= 10
    (tmp_path / 'configs').mkdir()
    for name in ('asea_sbu.py', '_base_'):
        os.symlink(ROOT / 'configs' / name, tmp_path / 'configs' / name)
    (tmp_path / 'configs' / 'mine.py').write_text(code)
    monkeypatch.chdir(tmp_path)
    exec(compile(example('save_annotations'), 'README.md', 'exec'), {})
    content = load_annotations('data/mine/mine.pkl')
    assert len({sample['label'] for sample in content['annotations']}) == 5
    small = ['train_cfg.max_epochs=1', 'model.backbone.channels=[8,16]', 'model.backbone.strides=None']
    small.append('model.cls_head.in_channels=16')
    monkeypatch.setattr(sys, 'argv', ['train.py', 'configs/mine.py', '--cfg-options', *small])
    runpy.run_path(str(ROOT / 'tools' / 'train.py'), run_name='__main__')
    saved = torch.load('work_dirs/mine/epoch_1.pth', weights_only=True)
    assert saved['meta']['dataset_meta']['classes'] == ('a', 'b', 'c', 'd', 'e')
    assert saved['state_dict']['cls_head.fc.weight'].shape == (5, 16)
    assert saved['meta']['iter'] == 5  # 40 samples in batches of 8
