"""Training and testing with the configs of the public datasets, on tiny files in the formats of the real ones."""

import json
import pickle
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from asea_mm.apis import InteractionInferencer
from asea_mm.datasets import save_annotations
from asea_mm.datasets.converters.kinetics.convert import K400_CLASSES
from tests.cli.test_tools import ROOT, SMALL_MODEL, annotations, save, tool  # noqa: F401

TINY = [*SMALL_MODEL, 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=4']
TINY += [
    f'{name}_dataloader.{setting}'
    for name in ('train', 'val', 'test')
    for setting in ('num_workers=0', 'persistent_workers=False')
]


def skeleton(rng: np.random.Generator) -> dict:
    """A person as ST-GCN's files have them, some joints missing."""
    pose, score = rng.uniform(0.2, 0.8, (18, 2)).round(3), rng.uniform(0.1, 0.9, 18).round(3)
    missing = rng.uniform(size=18) < 0.2
    pose[missing], score[missing] = 0, 0
    return dict(pose=pose.ravel().tolist(), score=score.tolist())


def write_stgcn_kinetics(root: Path) -> None:
    """Two clips of each of the ten classes and one of another, in kinetics_train and in kinetics_val."""
    rng = np.random.default_rng(0)
    for part in ('train', 'val'):
        (root / f'kinetics_{part}').mkdir(parents=True)
        labels = {}
        for label in (*K400_CLASSES, *K400_CLASSES, 7):
            name = f'{part}{len(labels)}'
            said = dict(label=K400_CLASSES.get(label, 'archery'), label_index=label)
            persons = [skeleton(rng) for _ in range(3)]
            frames = [dict(frame_index=number, skeleton=persons[: number % 4]) for number in range(1, 9)]
            (root / f'kinetics_{part}' / f'{name}.json').write_text(json.dumps(dict(data=frames, **said)))
            labels[name] = dict(has_skeleton=True, **said)
        (root / f'kinetics_{part}_label.json').write_text(json.dumps(labels))


def write_pyskl_kinetics(root: Path) -> None:
    """A clip of each of the ten classes in train and val: a table of contents, and the poses in a file beside it."""
    rng = np.random.default_rng(0)
    (root / 'kpfiles').mkdir(parents=True)
    poses, annotations = {}, []
    for part in ('train', 'val'):
        for label in K400_CLASSES:
            name = f'{part}{label}'
            place = dict(raw_file='data/k400/kpfiles/all.pkl', frame_inds=np.repeat(np.arange(6), 2))
            annotations.append(dict(frame_dir=name, label=label, total_frames=6, img_shape=(240, 320), **place))
            points = rng.uniform(40, 200, (12, 17, 2))
            score = rng.uniform(0.1, 1, (12, 17, 1))
            poses[name] = dict(keypoint=np.concatenate([points, score], axis=-1).astype(np.float16))
    split = {
        part: [item['frame_dir'] for item in annotations if part in item['frame_dir']] for part in ('train', 'val')
    }
    (root / 'kpfiles' / 'all.pkl').write_bytes(pickle.dumps(poses))
    (root / 'k400_hrnet.pkl').write_bytes(pickle.dumps(dict(split=split, annotations=annotations)))


def write_ntu(path: Path, labels: list[int], benchmarks: tuple[str, str], meta: dict) -> None:
    """One sample of each label, all of them in every split; half of them with an absent second person."""
    rng = np.random.default_rng(0)
    samples = []
    for index, label in enumerate(labels):
        keypoint = rng.normal(size=(2, 8, 25, 3)).astype(np.float16)
        keypoint[1] *= index % 2
        samples.append(dict(frame_dir=f's{index}', label=label, total_frames=8, keypoint=keypoint))
    names = [sample['frame_dir'] for sample in samples]
    split = {f'{benchmark}_{part}': names for benchmark in benchmarks for part in ('train', 'val')}
    save_annotations(path, samples, split, meta)


def train_and_test(tool, config: str, tmp_path: Path, num_samples: int, options: list, settings: list) -> dict:  # noqa: F811
    """Both tools; returns the checkpoint's weights."""
    config, folder = ROOT / 'configs' / f'{config}.py', tmp_path / 'run'
    options = ['--work-dir', folder, *options, '--cfg-options', *TINY, *settings]
    code, _, errors = tool('tools/train.py', config, *options)
    assert code == 0, errors
    code, _, errors = tool('tools/test.py', config, folder / 'epoch_1.pth', *options)
    assert code == 0, errors
    report = json.loads((folder / 'report.json').read_text())
    assert report['num_samples'] == num_samples
    assert {'top1', 'top5'} <= report.keys()
    return torch.load(folder / 'epoch_1.pth', weights_only=True)['state_dict']


def test_kinetics10_from_the_files_of_stgcn(tool, tmp_path):  # noqa: F811
    write_stgcn_kinetics(tmp_path / 'raw')
    code, printed, _ = tool('tools/prepare_data.py', 'kinetics10', tmp_path / 'raw')
    assert code == 0
    assert 'wrote 40 samples to data/kinetics/kinetics10.pkl' in printed
    weights = train_and_test(tool, 'asea_kinetics10', tmp_path, 20, ['--stream', 'joint,bone_motion'], [])
    assert weights['backbone.data_bn.weight'].shape == (18 * 5,)
    assert len(weights['cls_head.fc.weight']) == 10


def test_kinetics10_from_the_files_of_pyskl(tool, tmp_path):  # noqa: F811
    """With the options that docs/kinetics.md gives."""
    write_pyskl_kinetics(tmp_path / 'raw')
    out = 'data/kinetics/kinetics10_hrnet.pkl'
    assert tool('tools/prepare_data.py', 'kinetics10', tmp_path / 'raw' / 'k400_hrnet.pkl', '--out', out)[0] == 0
    text = (ROOT / 'docs' / 'kinetics.md').read_text()
    (options,) = re.findall(r'hrnet="(.*?)"', text, flags=re.DOTALL)
    done = subprocess.run(['bash', '-c', f'echo "{options}"'], capture_output=True, text=True, check=True)
    weights = train_and_test(tool, 'asea_kinetics10', tmp_path, 10, [], done.stdout.split())
    assert weights['backbone.data_bn.weight'].shape == (17 * 3,)


PREPARED = dict(layout='nturgbd25', classes=None, source='test', units='metre')


@pytest.mark.parametrize(
    ('name', 'classes', 'benchmarks', 'options'),
    [
        ('ntu26', 26, ('xsub', 'xset'), ['--split', 'xset', '--stream', 'bone']),
        ('ntu60', 60, ('xsub', 'xview'), ['--split', 'xview']),
    ],
)
def test_ntu_as_prepared(tool, tmp_path, name, classes, benchmarks, options):  # noqa: F811
    meta = PREPARED | dict(classes=[f'A{number:03d}' for number in range(classes)])
    labels = [*range(0, classes, classes // 6), classes - 1]
    write_ntu(tmp_path / f'data/ntu/{name}.pkl', labels, benchmarks, meta)
    weights = train_and_test(tool, f'asea_{name}', tmp_path, len(labels), options, [])
    assert len(weights['cls_head.fc.weight']) == classes


def test_ntu26_from_the_file_of_pyskl(tool, tmp_path):  # noqa: F811
    """With the line that the config gives in a comment."""
    text = (ROOT / 'configs/_base_/datasets/ntu26.py').read_text()
    (line,) = [line for line in text.splitlines() if line.startswith('# source = ')]
    names: dict = {}
    exec(line.removeprefix('# '), names)
    source = names['source']
    labels = [0, 48, 49, 59, 60, 104, 105, 119]  # four of them of the 26 classes
    write_ntu(tmp_path / source['ann_file'], labels, ('xsub', 'xset'), {})
    settings = [
        f'{name}_dataloader.dataset.{key}={json.dumps(value) if key == "classes" else value}'.replace(' ', '')
        for name in ('train', 'val', 'test')
        for key, value in source.items()
    ]
    train_and_test(tool, 'asea_ntu26', tmp_path, 4, [], settings)


def test_kernel_ridge_regression_on_sbu(tool, tmp_path):  # noqa: F811
    """Two epochs make two copies of each sample, a resumed one a third."""
    samples = annotations(count=24)
    for sample in samples:
        # another joint stands out in every class, none the mirror of another
        sample['keypoint'][:, :, [0, 1, 2, 3, 4, 5, 9, 10][sample['label']]] += 5
    save(tmp_path / 'data' / 'sbu' / 'sbu.pkl', samples)
    config, folder = ROOT / 'configs' / 'kernel_sbu.py', tmp_path / 'run'
    options = ['--fold', 1, '--work-dir', folder, '--cfg-options']
    code, _, errors = tool('tools/train.py', config, *options, 'train_cfg.max_epochs=2')
    assert code == 0, errors
    code, _, errors = tool('tools/train.py', config, '--resume', *options, 'train_cfg.max_epochs=3')
    assert code == 0, errors
    rows = torch.load(folder / 'epoch_3.pth', weights_only=True)['state_dict']['cls_head.samples']
    assert len(rows) == 3 * 2 * 24, 'epochs, sides, samples'
    code, _, errors = tool('tools/test.py', config, folder / 'epoch_3.pth', *options[:-1])
    assert code == 0, errors
    report = json.loads((folder / 'report.json').read_text())
    assert report['top1'] == 1
    scores = np.load(folder / 'scores.npz')
    (inferred,) = InteractionInferencer(folder / 'epoch_3.pth')(samples[3]['keypoint']).pairs
    row = scores['ids'].tolist().index(samples[3]['frame_dir'])
    np.testing.assert_allclose(inferred.scores, scores['scores'][row], atol=1e-5)
