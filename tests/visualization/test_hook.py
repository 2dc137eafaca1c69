"""Pictures after validation, in every backend of the visualizer."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from mmaction.visualization import ActionVisualizer
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

from asea_mm.engine import InteractionVisualizationHook
from asea_mm.errors import InputError
from asea_mm.visualization.confusion import draw_confusion
from asea_mm.visualization.drawing import as_image

DEMO = str(Path(__file__).parents[2] / 'configs' / 'asea_demo.py')


@pytest.fixture
def validate(tmp_path):
    """Runs the validation of a tiny demo with the hook; returns the runner and the pictures by name."""

    def run(backends=('LocalVisBackend',), model=None, hooks=(), **options):
        for manager in (DefaultScope, MessageHub, MMLogger, Visualizer, ActionVisualizer):
            manager._instance_dict.clear()
        cfg = Config.fromfile(DEMO)
        small = {'backbone.channels': (8, 16), 'cls_head.in_channels': 16, **(model or {})}
        cfg.merge_from_dict({f'model.{key}': value for key, value in small.items()})
        cfg.merge_from_dict({f'{name}_dataloader.dataset.num_samples': 12 for name in ('train', 'val', 'test')})
        cfg.visualizer.vis_backends = [dict(type=backend) for backend in backends]
        cfg.custom_hooks = [dict(type='InteractionVisualizationHook', frames=2, **options), *hooks]
        cfg.default_hooks.checkpoint = None  # keeps the best of a training
        cfg.work_dir = str(tmp_path)
        runner = Runner.from_cfg(cfg)
        runner.val()
        return runner, {path.name: path for path in tmp_path.glob('*/vis_data/vis_image/*.png')}

    return run


def test_confusion_and_samples_become_files(validate):
    runner, pictures = validate(samples=[0, 5])
    assert set(pictures) == {'confusion_0.png', 'active_joints_0_0.png', 'active_joints_5_0.png'}
    for path in pictures.values():
        assert cv2.imread(str(path)).std() > 5
    hook = next(hook for hook in runner.hooks if isinstance(hook, InteractionVisualizationHook))
    true, predicted = np.array(hook._results).T
    assert true.tolist() == list(range(12))
    counts = np.zeros((12, 12), dtype=int)
    np.add.at(counts, (true, predicted), 1)
    expected = draw_confusion(counts, runner.val_dataloader.dataset.metainfo['classes'])
    assert np.array_equal(cv2.imread(str(pictures['confusion_0.png']))[..., ::-1], as_image(expected))


def test_interval_counts_validations_and_a_model_without_aea_gets_the_confusion_matrix_only(validate, tmp_path):
    runner, pictures = validate(model={'backbone.interaction': None}, hooks=[dict(type='EMAHook')], interval=2)
    assert not pictures
    runner.val()
    assert [path.name for path in tmp_path.glob('*/vis_data/vis_image/*.png')] == ['confusion_0.png']
    order = [type(hook).__name__ for hook in runner.hooks]
    assert order.index('InteractionVisualizationHook') < order.index('EMAHook'), 'before weights are put back'


def test_tensorboard_gets_the_pictures(validate, tmp_path):
    events = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    validate(backends=['LocalVisBackend', 'TensorboardVisBackend'], samples=[0])
    (path,) = tmp_path.glob('*/vis_data/events.*')
    assert set(events.EventAccumulator(str(path)).Reload().Tags()['images']) == {'confusion', 'active_joints_0'}


def test_wrong_options(validate):
    for wrong in (dict(interval=0), dict(frames=0), dict(samples=[-1])):
        with pytest.raises(InputError, match=r'at least 1 and samples from 0'):
            InteractionVisualizationHook(**wrong)
    with pytest.raises(InputError, match='no sample 12 among the 12 of the validation set'):
        validate(samples=[12])
