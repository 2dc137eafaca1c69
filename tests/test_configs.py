"""Every config builds, fits its data, and trains a step; AEA is an option of every baseline."""

from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from mmaction.registry import MODELS, TRANSFORMS
from mmaction.structures import ActionDataSample
from mmcv.transforms import Compose
from mmengine.config import Config

from asea_mm.engine.options import LOADERS, apply_options
from asea_mm.skeletons import get_skeleton

CONFIGS = Path(__file__).parents[1] / 'configs'
BASELINES = [f'baselines/{path.stem}' for path in CONFIGS.glob('baselines/*.py')]
NAMES = [path.stem for path in CONFIGS.glob('*.py')] + BASELINES
# fitted in closed form: tests/models trains one
KERNELS = [name for name in NAMES if Path(name).name.startswith('kernel')]
every_config = pytest.mark.parametrize('name', NAMES)
every_network = pytest.mark.parametrize('name', [name for name in NAMES if name not in KERNELS])


# what the annotation file says and a config does not
Data = namedtuple('Data', 'layout coordinates classes')
DATA = dict(
    synthetic=Data('nturgbd25', 3, 12),
    sbu=Data('sbu15', 3, 8),
    k3hi=Data('sbu15', 3, 8),
    ymja=Data('body25', 2, 5),
    ntu26=Data('nturgbd25', 3, 26),
    ntu60=Data('nturgbd25', 3, 60),
    kinetics10=Data('openpose18', 2, 10),
    recordings=Data('sbu15', 3, 8),  # of whoever uses it
)
OF_PICTURES = {'kernel_2d': Data('coco17', 2, 8)}


def read(name: str) -> tuple[Config, Data]:
    """A config, and what the dataset of it holds."""
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    dataset = inner(cfg.train_dataloader.dataset)
    first = next(iter(dataset.datasets.values())) if 'datasets' in dataset else dataset
    data = OF_PICTURES.get(name, DATA[Path(first.get('ann_file', 'synthetic')).stem])
    data = data._replace(classes=len(first['classes'])) if 'datasets' in dataset else data
    return cfg, data._replace(classes=data.classes + (cfg.train_dataloader.dataset.type == 'AddNoInteraction'))


def inner(dataset: Config) -> Config:
    """The dataset inside of wrappers."""
    while 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def input_channels(cfg: Config) -> int:
    """What a config gives its backbone, or the one that this wraps; three is their default."""
    backbone = cfg.model.backbone
    while 'backbone' in backbone:
        backbone = backbone['backbone']
    return backbone.get('in_channels', 3)


def inputs_of(pipeline: list[dict], data: Data, frames: int = 20) -> torch.Tensor:
    """A random sample after a pipeline, ``(clips, M, T, V, C)``."""
    rng = np.random.default_rng(0)
    shape = (2, frames, get_skeleton(data.layout).num_joints, data.coordinates)
    keypoint = rng.uniform(0.1, 0.9, size=shape).astype(np.float32)
    sample = dict(keypoint=keypoint, layout=data.layout, frame_dir='clip', label=1, total_frames=frames)
    if data.coordinates == 2:
        sample['keypoint_score'] = rng.uniform(0.1, 0.9, size=shape[:3]).astype(np.float32)
    return Compose([TRANSFORMS.build(step) for step in pipeline])(sample)['inputs']


def train_a_step(model_cfg: dict, inputs: torch.Tensor) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """A model after one step on two samples, and its losses."""
    torch.manual_seed(0)
    model = MODELS.build(model_cfg)
    model.init_weights()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    samples = [ActionDataSample().set_gt_label(label) for label in range(2)]
    losses = model(torch.stack([inputs, inputs.flip(2)])[:, :, :, :8], samples, mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    assert torch.isfinite(total)
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    return model, losses


@every_network
def test_config_takes_a_training_step_on_what_its_pipeline_gives(name):
    cfg, data = read(name)
    model, losses = train_a_step(cfg.model, inputs_of(inner(cfg.train_dataloader.dataset).pipeline, data))
    assert ('loss_reg' in losses) == bool(model.thresholds())
    assert bool(model.thresholds()) == name.startswith(('asea_', 'pair'))


# every backbone, and every base that the baselines of a dataset share
OF_EVERY_KIND = [name for name in BASELINES if name.endswith('sbu') and name not in KERNELS]
OF_EVERY_KIND += ['baselines/ctrgcn_ntu26', 'baselines/stgcn_kinetics10']


@pytest.mark.parametrize('name', OF_EVERY_KIND)
def test_aea_is_an_option_of_every_baseline(name):
    cfg, data = read(name)
    torch.manual_seed(0)
    plain = MODELS.build(cfg.model)
    cfg.merge_from_dict({'model.backbone.blocks': None})  # --cfg-options model.backbone.blocks=None
    model, losses = train_a_step(cfg.model, inputs_of(inner(cfg.train_dataloader.dataset).pipeline, data))
    layers = len(model.backbone.interactions)
    assert layers == len(model.thresholds()) == (3 if 'msg3d' in name else 5 if name.endswith('sbu') else 10)
    assert 'loss_reg' in losses
    # a checkpoint of the backbone alone, as mmaction2 and PYSKL have it, loads into either
    weights = {key.replace('backbone.backbone.', 'backbone.'): value for key, value in plain.state_dict().items()}
    assert not any(plain.load_state_dict(dict(weights), strict=False))
    missing, unexpected = model.load_state_dict(dict(weights), strict=False)
    assert not unexpected
    assert {key.split('.')[1] for key in missing} == {'interactions'}


@every_config
def test_config_fits_its_data(name):
    cfg, data = read(name)
    datasets = [inner(cfg[loader].dataset) for loader in LOADERS]
    assert all(
        len(dataset.get('classes') or range(data.classes)) == cfg.model.cls_head.num_classes for dataset in datasets
    )
    if 'datasets' in datasets[0]:  # several files, each with its split
        parts = [[part.split for part in dataset.datasets.values()] for dataset in datasets]
        assert parts == [['train', 'train'], ['val', 'val'], ['val', 'val']]
    elif datasets[0].split is None:  # all of one set for training, all of another for tests
        assert datasets[0].ann_file != datasets[1].ann_file == datasets[2].ann_file
    else:
        assert [dataset.split.rpartition('_')[2] for dataset in datasets] == ['train', 'val', 'val']
    if name not in KERNELS:
        assert cfg.auto_scale_lr == dict(enable=False, base_batch_size=cfg.train_dataloader.batch_size)


@every_config
@pytest.mark.parametrize('stream', [None, 'joint,bone,bone_motion'])
def test_pipelines_give_the_joints_and_channels_of_the_backbone(name, stream):
    cfg, data = read(name)
    apply_options(cfg, stream=stream)
    for loader in LOADERS:
        inputs = inputs_of(inner(cfg[loader].dataset).pipeline, data)
        mapped = [step['layout'] for step in inner(cfg[loader].dataset).pipeline if step['type'] == 'MapLayout']
        assert inputs.shape[-2:] == (get_skeleton((mapped or [data.layout])[-1]).num_joints, input_channels(cfg))
