"""How well a model finds events: on simulated long recordings of clips that it was not trained on.

Prints precision, recall and F1 at a temporal IoU of 0.5, with labels and without, how far starts are off, and false
alarms a minute of idle time; and how well the class "no interaction" tells real clips from pairs of strangers and idle
ones (AUROC). The stream's answers are the recording's: both are found by the same code, frame by frame.

Examples:
  python -m lab.events work_dirs/asea_sbu_no_interaction_fold1/epoch_60.pth data/sbu/sbu.pkl --split fold1_val
  python -m lab.events model.pth data/k3hi/k3hi.pkl --recordings 100 --out events.json
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from asea_mm.apis import InteractionInferencer
from asea_mm.apis.watching import WatchOptions, find_events
from asea_mm.datasets import AddNoInteraction, InteractionPoseDataset, load_annotations
from asea_mm.datasets.files.annotations import select_split
from asea_mm.datasets.files.whole import write_whole
from asea_mm.datasets.recordings.finish import Sample
from asea_mm.errors import InputError
from asea_mm.evaluation.event_scores import score_events
from asea_mm.evaluation.events import Event
from asea_mm.keypoints import NO_INTERACTION

from .commands import circumstances, lab_parser, run_main
from .simulation import FPS, simulate

OPTIONS = ('window', 'stride', 'enter', 'leave', 'min_length', 'max_gap', 'switch')


def main() -> None:
    """Simulate, find, score."""
    parser = lab_parser(__doc__, device=True)
    parser.add_argument('model', help='checkpoint')
    parser.add_argument('data', help='annotation file of two persons in space')
    parser.add_argument('--split', help='of the file; default all samples')
    parser.add_argument('--recordings', type=int, default=100, help='default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='of the simulation')
    parser.add_argument('--out', type=Path, help='write the figures, and all events, as JSON')
    for name in OPTIONS:
        parser.add_argument(f'--{name.replace("_", "-")}', type=float, default=getattr(WatchOptions, name))
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    options = WatchOptions(fps=FPS, **{name: getattr(args, name) for name in OPTIONS})
    content = load_annotations(args.data)
    clips = content['annotations'] if args.split is None else select_split(content, args.split, args.data)
    inferencer = InteractionInferencer(args.model, device=args.device, layout=content['meta'].get('layout'), fuse=True)
    known = [clip for clip in clips if content['meta']['classes'][clip['label']] in inferencer.classes]
    if not known:
        raise InputError(f'{args.data}: none of its classes is one of the model, {inferencer.classes}')
    figures, recordings = measure_events(
        inferencer, known, content['meta']['classes'], options, args.recordings, args.seed
    )
    if NO_INTERACTION in inferencer.classes:
        figures['auroc_no_interaction'] = measure_auroc(inferencer, args.data, args.split, args.seed)
    for name, value in figures.items():
        print(f'{name:24} {value:.3f}' if isinstance(value, float) else f'{name:24} {value}')
    if args.out is not None:
        about = circumstances('events', torch.device(args.device))
        write_whole(args.out, json.dumps({**about, 'figures': figures, 'recordings': recordings}, indent=1) + '\n')


def measure_events(
    inferencer: InteractionInferencer,
    clips: Sequence[dict[str, Any]],
    classes: Sequence[str],
    options: WatchOptions,
    count: int,
    seed: int,
) -> tuple[dict[str, Any], list[dict[str, list]]]:
    """Figures over so many simulated recordings, and the events found and true of each."""
    rng = np.random.default_rng(seed)
    pairs: list[tuple[list[Event], list[Event]]] = []
    idle, alarms = 0.0, 0
    for number in range(count):
        made = simulate(clips, classes, rng)
        found = find_events(inferencer, Sample(f'recording {number}', made.keypoint), FPS, options)
        pairs.append((found, made.events))
        idle += made.idle_seconds
        alarms += sum(not any(event.start < end and start < event.end for start, end in made.busy) for event in found)
    labelled, unlabelled = score_events(pairs), score_events(pairs, labels=False)
    off = np.abs(labelled.start_errors) if labelled.start_errors else np.array([np.nan])
    figures = {
        'recordings': count,
        'events': labelled.true,
        'f1': labelled.f1,
        'precision': labelled.precision,
        'recall': labelled.recall,
        'f1_without_labels': unlabelled.f1,
        'start_error_median_s': float(np.median(off)),
        'start_bias_s': float(np.mean(labelled.start_errors)) if labelled.start_errors else float('nan'),
        'false_alarms_per_idle_minute': 60 * alarms / max(idle, 1e-9),
        'idle_minutes': idle / 60,
    }
    noted = [dict(found=[e.to_dict() for e in found], true=[e.to_dict() for e in true]) for found, true in pairs]
    return figures, noted


def measure_auroc(inferencer: InteractionInferencer, data: str, split: str | None, seed: int) -> float:
    """How well the score of ``no interaction`` tells real clips from strangers near each other and idle pairs.

    Far and single persons are left out: the rule of distance tells them.
    """
    real = InteractionPoseDataset(data, [], split=split, test_mode=True)
    whole = AddNoInteraction(real, share=1.0, kinds=('strangers', 'idle'), seed=seed)
    label = inferencer.classes.index(NO_INTERACTION)
    scores, is_real = [], []
    for index in range(len(whole)):
        info = whole.get_data_info(index)
        (row,) = inferencer.classify([Sample(info['frame_dir'], info['keypoint'], info.get('keypoint_score'))])
        scores.append(1 - row[label])
        is_real.append(index < len(real))
    ranks, positive = rankdata(scores), np.array(is_real)
    count = int(positive.sum())
    wins = ranks[positive].sum() - count * (count + 1) / 2
    return float(wins / (count * (len(positive) - count)))


if __name__ == '__main__':
    run_main(main)
