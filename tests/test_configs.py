"""Every config builds and trains a step; so do the examples of the README."""

import os
import re
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.registry import init_default_scope

from asea_mm.datasets import load_annotations
from asea_mm.skeletons import get_skeleton

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))
BASES = ROOT / 'configs' / '_base_'
EXAMPLES = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), flags=re.DOTALL)

every_config = pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)


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


@every_config
def test_config_takes_a_training_step(path):
    cfg = Config.fromfile(path)
    backbone = cfg.model.backbone
    losses = step(cfg.model, get_skeleton(backbone.layout).num_joints, backbone.in_channels)
    assert 'loss_cls' in losses
    assert ('loss_reg' in losses) == (backbone.get('interaction') is not None)


@every_config
def test_head_has_as_many_classes_as_the_data(path):
    cfg = Config.fromfile(path)
    dataset = cfg.train_dataloader.dataset
    known = dict(SyntheticInteractionDataset=12, InteractionPoseDataset=8)  # all of the synthetic, all of SBU
    classes = len(dataset.classes) if dataset.get('classes') else known[dataset.type]
    assert cfg.model.cls_head.num_classes == classes


@every_config
def test_pipeline_gives_the_channels_of_the_backbone(path):
    cfg = Config.fromfile(path)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        (stream,) = [step.stream for step in loader.dataset.pipeline if step.type == 'GenerateStream']
        assert cfg.model.backbone.in_channels == 3 * (1 if isinstance(stream, str) else len(stream))


@every_config
def test_leaves_are_short_and_inherit_all_four_axes(path):
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith('#')]
    assert len(lines) <= 15
    bases = [Path(base).parts[1] for base in runpy.run_path(str(path))['_base_']]
    assert bases == ['models', 'datasets', 'schedules', 'default_runtime.py']


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
    used = {(path.parent / base).resolve() for path in CONFIGS for base in runpy.run_path(str(path))['_base_']}
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
    small = ['train_cfg.max_epochs=1', 'model.backbone.channels=[8,16]', 'model.cls_head.in_channels=16']
    monkeypatch.setattr(sys, 'argv', ['train.py', 'configs/mine.py', '--cfg-options', *small])
    runpy.run_path(str(ROOT / 'tools' / 'train.py'), run_name='__main__')
    saved = torch.load('work_dirs/mine/epoch_1.pth', weights_only=True)
    assert saved['meta']['dataset_meta']['classes'] == ('a', 'b', 'c', 'd', 'e')
    assert saved['state_dict']['cls_head.fc.weight'].shape == (5, 16)
    assert saved['meta']['iter'] == 2  # 40 samples in batches of 16, the rest dropped
