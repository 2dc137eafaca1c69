"""Draw one synthetic pair of every class, and say what a test of the synthetic data found.

python tools/demo_pictures.py work_dirs/asea_demo
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from asea_mm.datasets import SyntheticInteractionDataset
from asea_mm.engine import report_errors
from asea_mm.visualization import plot_pairs


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Draw one synthetic pair of every class')
    parser.add_argument('folder', type=Path, help='folder to write pairs.png into; report.json in it is summed up')
    parser.add_argument('--classes', nargs='+', help='classes to draw (default: all)')
    parser.add_argument('--frames', type=int, default=6, help='moments of a pair (default: %(default)s)')
    return parser.parse_args()


def draw(folder: Path, classes: list[str] | None, frames: int) -> SyntheticInteractionDataset:
    """Write ``pairs.png`` and return the dataset."""
    dataset = SyntheticInteractionDataset(pipeline=[], split='val', classes=classes)
    names = dataset.metainfo['classes']
    samples = [dataset.get_data_info(index) for index in range(len(names))]
    titles = [names[sample['label']] for sample in samples]
    keypoints = [sample['keypoint'] for sample in samples]
    plot_pairs(keypoints, samples[0]['layout'], folder / 'pairs.png', frames, titles)
    return dataset


def print_report(path: Path, pairs: list[tuple[int, int]]) -> None:
    """Accuracy over all classes, and over those that only the relation of the two persons tells apart."""
    report = json.loads(path.read_text())
    print(f'accuracy on {report["num_samples"]} test samples, {len(report["classes"])} classes: {report["top1"]:.1%}')
    shares = [report['per_class'][label] for pair in pairs for label in pair if pair[1] < len(report['per_class'])]
    if shares and None not in shares:
        print(f'mean of the {len(shares)} classes that only the relation tells apart in pairs: {np.mean(shares):.1%}')


def main() -> None:
    args = parse_args()
    dataset = draw(args.folder, args.classes, args.frames)
    print()
    report = args.folder / 'report.json'
    if report.is_file() and args.classes is None:
        print_report(report, list(dataset.metainfo['relation_pairs']))
    for name in ('report.json', 'scores.npz', 'confusion.png', 'pairs.png'):
        if (args.folder / name).is_file():
            print(f'  {args.folder / name}')


if __name__ == '__main__':
    with report_errors():
        main()
