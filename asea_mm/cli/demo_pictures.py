"""Draw one synthetic pair of every class, and say what a test of the synthetic data found.

python tools/demo_pictures.py work_dirs/asea_demo
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..datasets import SyntheticInteractionDataset
from ..engine import report_errors
from ..visualization import plot_pairs


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Draw one synthetic pair of every class')
    parser.add_argument('folder', type=Path, help='folder to write pairs.png into; report.json in it is summed up')
    parser.add_argument('--classes', nargs='+', help='classes to draw (default: all)')
    parser.add_argument('--frames', type=int, default=6, help='moments of a pair (default: %(default)s)')
    return parser.parse_args()


def draw(folder: Path, classes: list[str] | None, frames: int) -> None:
    """Write ``pairs.png``."""
    dataset = SyntheticInteractionDataset(pipeline=[], split='val', classes=classes)
    names = dataset.metainfo['classes']
    samples = [dataset.get_data_info(index) for index in range(len(names))]
    titles = [names[sample['label']] for sample in samples]
    keypoints = [sample['keypoint'] for sample in samples]
    plot_pairs(keypoints, samples[0]['layout'], folder / 'pairs.png', frames, titles)


def print_report(path: Path) -> None:
    """Accuracy over all classes, and within the pairs that only the relation of the two persons tells apart."""
    report = json.loads(path.read_text())
    print(f'accuracy on {report["num_samples"]} test samples, {len(report["classes"])} classes: {report["top1"]:.1%}')
    if 'relation' in report:
        print(f'within pairs of classes that only the relation of the persons tells apart: {report["relation"]:.1%}')


def main() -> None:
    args = parse_args()
    draw(args.folder, args.classes, args.frames)
    print()
    report = args.folder / 'report.json'
    if report.is_file() and args.classes is None:
        print_report(report)
    for name in ('report.json', 'scores.npz', 'confusion.png', 'pairs.png'):
        if (args.folder / name).is_file():
            print(f'  {args.folder / name}')


if __name__ == '__main__':
    with report_errors():
        main()
