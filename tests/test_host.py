"""mmaction2's own skeleton models beside ours: its configs, on an annotation file of ours, with asea_mm imported."""

from pathlib import Path

import mmaction
import numpy as np
import pytest
from mmaction.datasets.transforms import pose_transforms
from mmaction.visualization import ActionVisualizer
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from asea_mm import compat
from asea_mm.datasets import save_annotations
from asea_mm.engine.running import build_runner

CONFIGS = Path(mmaction.__file__).parent / '.mim' / 'configs' / 'skeleton'
CLASSES = ['hug', 'push']
GCN = {
    'model.backbone.base_channels': 8,
    'model.backbone.num_stages': 3,
    'model.backbone.inflate_stages': [2],
    'model.backbone.down_stages': [2],
    'model.cls_head.in_channels': 16,
}
CNN = {
    'model.backbone.base_channels': 4,
    'model.backbone.stage_blocks': (1, 1, 1),
    'model.cls_head.in_channels': 64,
}
POSEC3D = 'posec3d/slowonly_r50_8xb16-u48-240e_ntu60-xsub-keypoint.py'
MODELS = {
    'stgcn/stgcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d.py': GCN,
    'stgcn/stgcn_8xb16-bone-u100-80e_ntu60-xsub-keypoint-3d.py': GCN,
    'stgcnpp/stgcnpp_8xb16-joint-motion-u100-80e_ntu60-xsub-keypoint-3d.py': GCN,
    '2s-agcn/2s-agcn_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d.py': GCN,
    POSEC3D: CNN,
}


@pytest.fixture(autouse=True)
def fresh():
    """mmengine keeps one of each for a process."""
    for manager in (DefaultScope, MessageHub, MMLogger, Visualizer, ActionVisualizer):
        manager._instance_dict.clear()


def annotation_file(path, dimensions):
    """Four samples of two persons; in one of them some joints are missing and the second person is absent at first."""
    rng = np.random.default_rng(0)
    joints = 17 if dimensions == 2 else 25
    samples = []
    for number in range(4):
        pose = rng.normal(size=(2, 1, joints, dimensions)) + rng.normal(size=(2, 12, joints, dimensions)) / 10
        keypoint = pose * 60 + (320, 240) if dimensions == 2 else pose
        sample = dict(
            frame_dir=f'clip{number}', label=number % 2, total_frames=12, keypoint=keypoint.astype(np.float32)
        )
        if dimensions == 2:
            sample |= dict(keypoint_score=np.ones((2, 12, joints), np.float32), img_shape=(480, 640))
        if number == 0:
            sample['keypoint'][1, :4] = 0
            sample['keypoint'][:, :, 3] = 0
        samples.append(sample)
    names = [sample['frame_dir'] for sample in samples]
    layout, units = ('coco17', 'pixel') if dimensions == 2 else ('nturgbd25', 'metre')
    meta = dict(layout=layout, classes=CLASSES, source='test', units=units)
    save_annotations(path, samples, {'xsub_train': names, 'xsub_val': names}, meta)


def small(loader, path):
    """Two samples at a time of our file in this process, with short clips."""
    loader.update(batch_size=2, num_workers=0, persistent_workers=False)
    dataset = loader.dataset.get('dataset', loader.dataset)
    loader.dataset = dataset
    dataset.ann_file = str(path)
    for step in dataset.pipeline:
        if step.type in ('UniformSampleFrames', 'UniformSample'):
            step.clip_len, step.num_clips = 8, min(step.get('num_clips', 1), 2)


@pytest.mark.parametrize('name', MODELS)
def test_its_models_train_validate_and_test_on_a_file_of_ours(name, tmp_path):
    cfg = Config.fromfile(CONFIGS / name)
    annotation_file(tmp_path / 'mine.pkl', 3 if name.endswith('-3d.py') else 2)
    for part in ('train', 'val', 'test'):
        small(cfg[f'{part}_dataloader'], tmp_path / 'mine.pkl')
    cfg.merge_from_dict({**MODELS[name], 'model.cls_head.num_classes': len(CLASSES), 'train_cfg.max_epochs': 1})
    cfg.work_dir, cfg.default_hooks.checkpoint = str(tmp_path / 'run'), None
    runner = Runner.from_cfg(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    runner.train()
    assert runner.iter == 2
    assert any(not np.array_equal(value, before[key]) for key, value in runner.model.state_dict().items())
    assert 0 <= runner.message_hub.get_scalar('val/acc/top1').current() <= 1
    assert set(runner.test()) >= {'acc/top1', 'acc/mean1'}


def test_a_head_that_says_nothing_of_it_averages_its_clips(tmp_path):
    """Otherwise none of mmaction2's metrics can read its scores."""
    cfg = Config.fromfile(CONFIGS / POSEC3D)
    annotation_file(tmp_path / 'mine.pkl', 2)
    cfg.merge_from_dict({**CNN, 'model.cls_head.num_classes': len(CLASSES)})
    del cfg.model.cls_head.average_clips
    small(cfg.test_dataloader, tmp_path / 'mine.pkl')
    for part in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg[part] = None
    cfg.param_scheduler, cfg.work_dir = None, str(tmp_path / 'run')
    init_default_scope('mmaction')
    runner = build_runner(cfg)
    assert set(runner.test()) >= {'acc/top1', 'acc/mean1'}


@pytest.mark.parametrize('order', ['found by the registry', 'imported before'])
def test_pose_compact_finds_the_box_of_all_joints(order, monkeypatch):
    if order == 'imported before':
        monkeypatch.setattr(pose_transforms, 'np', np)
        compat.provide_numpy_infinity()
    keypoint = np.zeros((1, 4, 2, 2))
    keypoint[:, :, 0], keypoint[:, :, 1] = (10, 20), (90, 50)
    compact = pose_transforms.PoseCompact(padding=0, threshold=0, hw_ratio=None, allow_imgpad=False)
    results = compact(dict(img_shape=(100, 100), keypoint=keypoint))
    assert results['img_shape'] == (30, 80)
    assert results['keypoint'][0, 0].tolist() == [[0, 0], [80, 30]]
    nobody = compact(dict(img_shape=(100, 100), keypoint=np.zeros((1, 4, 2, 2))))
    assert nobody['img_shape'] == (100, 100)


def test_numpy_itself_stays_as_it_is():
    assert hasattr(np, 'Inf') == (int(np.__version__.split('.')[0]) < 2)
    assert pose_transforms.np.linalg is np.linalg
    assert pose_transforms.np.testing.assert_allclose is np.testing.assert_allclose
