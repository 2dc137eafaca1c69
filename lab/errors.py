"""What a model gets wrong: pairs of classes, clips, and pictures of every such clip, to be looked at.

    python -m lab.errors work_dirs/tasks_asea_sbu_to_k3hi_cv data/k3hi/k3hi.pkl --out work_dirs/errors_sbu_to_k3hi
    python -m lab.errors work_dirs/asea_sbu_to_k3hi/epoch_60.pth data/k3hi/k3hi.pkl --out work_dirs/errors

The first are scores: a work folder of ``asea cross-validate`` (all finished folds and seeds), ``OUT.npz`` of its
results, a folder of ``asea test`` or its ``scores.npz``; or a checkpoint, which is then tested on the annotation file.
Writes ``OUT/errors.md``, and for every pair of classes pictures of the clips of the one that are taken for the other.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mmengine.config import Config

from asea_mm.datasets import load_annotations
from asea_mm.datasets.files.whole import write_whole
from asea_mm.engine.checkpoints import parse_config, read_checkpoint
from asea_mm.engine.options import datasets_of
from asea_mm.engine.running import run_test
from asea_mm.errors import InputError
from asea_mm.evaluation.scores import StreamScores, read_runs
from asea_mm.skeletons import Skeleton, get_skeleton
from asea_mm.visualization.drawing import Scene, moments, new_figure, save_figure, strip

from .commands import lab_parser, noted_command, run_main
from .files import markdown_table
from .hard_samples import HardSample, class_names, hard_samples

MOMENTS = 8  # of each clip
CLIPS = 12  # in a picture


def scores_of_checkpoint(checkpoint: Path, annotations: Path, folder: Path) -> Path:
    """Test a checkpoint, by the config that it carries, on an annotation file; returns its scores in the folder.

    Its split and classes are those of the config's test.
    """
    meta = read_checkpoint(checkpoint)['meta']
    if not isinstance(meta.get('cfg'), str):
        raise InputError(f'checkpoint {checkpoint}: it carries no config; test it with its own, and give the scores')
    cfg: Config = parse_config(meta['cfg'], f'checkpoint {checkpoint}')
    for dataset in datasets_of(cfg.test_dataloader):
        dataset['ann_file'] = str(annotations)
    cfg.work_dir, cfg.resume, cfg.launcher = str(folder), False, 'none'
    run_test(cfg, checkpoint)
    return folder / 'scores.npz'


def confused_pairs(samples: Sequence[HardSample]) -> dict[tuple[int, int], list[HardSample]]:
    """Samples by true class and the class that they are mostly taken for; the pair with most errors first."""
    pairs = defaultdict(list)
    for sample in samples:
        pairs[sample.label, max(sample.predicted, key=lambda label: sample.predicted[label])].append(sample)
    return dict(sorted(pairs.items(), key=lambda pair: -sum(sample.wrong for sample in pair[1])))


def draw_clips(title: str, clips: Mapping[str, np.ndarray], skeleton: Skeleton) -> Figure:
    """Moments of clips, a clip in each row; every clip has one view and one scale, so that distances show.

    Shapes:
        clips ``(M, T, V, C)`` by what is said of each
    """
    figure = new_figure(1.25 * MOMENTS + 0.3, 1.5 * len(clips) + 0.5)
    parts: Any = figure.subfigures(len(clips), squeeze=False)
    for part, (text, keypoint) in zip(parts[:, 0], clips.items(), strict=True):
        part.suptitle(text, fontsize=8.5, x=0.01, ha='left')
        scene = Scene(keypoint, skeleton, square=True)
        strip(part.subplots(1, MOMENTS), scene, moments(scene.seen, MOMENTS))
    figure.suptitle(title, fontsize=10)
    return figure


def errors_page(
    classes: Sequence[str], confusion: np.ndarray, pairs: Mapping[tuple[int, int], Sequence[HardSample]], head: str
) -> str:
    """The page: confusion, then every pair with its clips and picture.

    Shapes:
        confusion ``(classes, classes)``, true classes in rows, of all runs
    """
    lines = [
        '# What is taken for what',
        '',
        head,
        '',
        'True classes in rows, predicted ones in columns, of all runs:',
        '',
    ]
    lines += markdown_table(
        ('', *classes, 'right in %'),
        [
            [name, *(str(count or '-') for count in row), f'{100 * row[k] / max(1, row.sum()):.1f}']
            for k, (name, row) in enumerate(zip(classes, confusion, strict=True))
        ],
    )
    for (true, seen), samples in pairs.items():
        total = sum(sample.predicted.get(seen, 0) for sample in samples)
        lines += ['', f'## {classes[true]} taken for {classes[seen]}: {len(samples)} clips, {total} times', '']
        lines += [f'![{picture}]({picture})' for picture in pictures_of(true, seen, len(samples))]
        lines += ['', *markdown_table(('clip', 'wrong in runs', 'predicted instead'), _cells(samples, classes))]
    return '\n'.join(lines) + '\n'


def pictures_of(true: int, seen: int, clips: int) -> list[str]:
    """Names of the pictures of a pair of classes."""
    return [f'{true}_as_{seen}_{number}.png' for number in range(1, 1 + -(-clips // CLIPS))]


def _cells(samples: Sequence[HardSample], classes: Sequence[str]) -> list[list[str]]:
    return [
        [
            sample.name,
            f'{sample.wrong} of {sample.tested}',
            ', '.join(f'{classes[label]} {count}×' for label, count in sorted(sample.predicted.items())),
        ]
        for sample in samples
    ]


def confusion_of(runs: Mapping[str, StreamScores], classes: int) -> np.ndarray:
    confusion = np.zeros((classes, classes), dtype=int)
    for run in runs.values():
        np.add.at(confusion, (run.labels, run.scores.argmax(axis=1)), 1)
    return confusion


def keypoints_of(content: Mapping[str, Any], path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Keypoints of samples by their names.

    Raises:
        InputError: If the annotation file lacks one.
    """
    by_name = {str(sample['frame_dir']): sample['keypoint'] for sample in content['annotations']}
    if missing := [name for name in names if name not in by_name]:
        known = next(iter(by_name))
        raise InputError(f'{path}: expected the samples of the scores, has no {missing[0]!r}; its first is {known!r}')
    return {name: np.asarray(by_name[name], dtype=np.float32) for name in names}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = lab_parser(__doc__)
    parser.add_argument('tested', type=Path, help='scores, a folder of them, or a checkpoint')
    parser.add_argument('annotations', type=Path, help='annotation file of the samples')
    parser.add_argument('--out', type=Path, required=True, help='folder to write to')
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        tested = args.tested
        if tested.suffix == '.pth':
            tested = scores_of_checkpoint(tested, args.annotations, Path(folder))
        of_runs = read_runs(tested)
        num_classes = next(iter(of_runs.values())).scores.shape[1]
        classes = class_names(tested, num_classes)
    runs = {f'fold {fold}, seed {seed}': scores for (fold, seed), scores in of_runs.items()}
    samples = hard_samples(runs)
    content = load_annotations(args.annotations)
    keypoints = keypoints_of(content, args.annotations, [sample.name for sample in samples])
    skeleton = get_skeleton(content['meta'].get('layout') or 'nturgbd25')
    pairs = confused_pairs(samples)
    for (true, seen), confused in pairs.items():
        for number, picture in enumerate(pictures_of(true, seen, len(confused))):
            clips = {
                f'{sample.name}, wrong in {sample.wrong} of {sample.tested}': keypoints[sample.name]
                for sample in confused[CLIPS * number : CLIPS * (number + 1)]
            }
            title = f'{classes[true]} taken for {classes[seen]}'
            save_figure(draw_clips(title, clips, skeleton), args.out / picture)
    count = sum(sample.wrong for sample in samples)
    names = {name for run in runs.values() for name in run.ids}
    tests = sum(len(run.ids) for run in runs.values())
    head = (
        f'{count} errors of {tests} tests, {len(runs)} runs; {len(samples)} of {len(names)} clips wrong at least once. '
        f'Command: `{noted_command("errors")}`.'
    )
    write_whole(args.out / 'errors.md', errors_page(classes, confusion_of(runs, num_classes), pairs, head))
    print(head)
    print(args.out / 'errors.md')


if __name__ == '__main__':
    run_main(main)
