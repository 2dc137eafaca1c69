"""Small models and small data."""

from pathlib import Path

import numpy as np

from asea_mm.datasets import save_annotations

ROOT = Path(__file__).parents[2]
SMALL_MODEL = ['model.backbone.channels=[8,16]', 'model.backbone.strides=None', 'model.cls_head.in_channels=16']
LOADERS = ('train', 'val', 'test')
IN_PROCESS = [
    f'{name}_dataloader.{setting}' for name in LOADERS for setting in ('num_workers=0', 'persistent_workers=False')
]
SMALL = [
    *SMALL_MODEL,
    *IN_PROCESS,
    *(f'{name}_dataloader.dataset.num_samples=24' for name in LOADERS),
    'train_dataloader.batch_size=8',
    'train_cfg.max_epochs=1',
]


def annotations(count: int = 20, joints: int = 15, dimensions: int = 3, classes: int = 8) -> list[dict]:
    """Noise in which another joint stands out in every class; 2-D in shares of the image."""
    rng = np.random.default_rng(0)
    samples = []
    for index in range(count):
        keypoint = rng.uniform(-1, 1, size=(2, 12, joints, dimensions)).astype(np.float32)
        keypoint[:, :, index % classes % joints] += 5
        sample = dict(frame_dir=f'clip{index}', label=index % classes, total_frames=12, keypoint=keypoint)
        if dimensions == 2:
            sample |= dict(keypoint=keypoint / 20 + 0.5, keypoint_score=np.ones((2, 12, joints), np.float32))
        samples.append(sample)
    return samples


def save(
    path: Path, samples: list[dict], layout: str = 'sbu15', classes: int = 8, splits: tuple[str, ...] = ('fold1',)
) -> None:
    """An annotation file whose splits all hold all samples."""
    names = [sample['frame_dir'] for sample in samples]
    split = {'_'.join(filter(None, (part, end))): names for part in splits for end in ('train', 'val')}
    units = 'metre' if samples[0]['keypoint'].shape[-1] == 3 else 'share'
    meta = dict(layout=layout, classes=[f'class {label}' for label in range(classes)], source='test', units=units)
    save_annotations(path, samples, split, meta)


def check_one_line(result: tuple[int, str, str], words: list[str]) -> None:
    """The last line on stderr is the only error, without a traceback, and has the words."""
    code, _, errors = result
    assert code == 1
    assert 'Traceback' not in errors
    lines = [line for line in errors.splitlines() if line.startswith('error: ')]
    assert len(lines) == 1, errors
    assert errors.rstrip().splitlines()[-1] == lines[0]
    for word in words:
        assert word in lines[0]
