"""The picture of the README: what ``asea watch`` draws, of real pairs that the model was not trained on.

Clips of SBU, of the fold that pair2d was not trained on, are joined to a scene with idle time and passers-by
(lab/simulation.py), seen by a simulated camera with the noise of an estimator, watched as any video, and drawn in the
middle of each interaction. Only skeletons are drawn: the pictures of SBU do not come along.

  python -m lab.watched_picture data/sbu/sbu.pkl --seed 1 --out docs/watched.png
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from asea_mm.apis import EventWatcher, InteractionInferencer
from asea_mm.apis.watching import WatchOptions
from asea_mm.datasets import load_annotations
from asea_mm.datasets.files.annotations import select_split
from asea_mm.datasets.files.whole import write_whole
from asea_mm.datasets.transforms import ProjectTo2D
from asea_mm.evaluation.events import Event
from asea_mm.skeletons import get_skeleton
from asea_mm.video.drawing import Annotator, Bar, PairLabel

from .commands import lab_parser, run_main
from .shipped_weights import FOLD
from .simulation import FPS, simulate

SIZE = (540, 960)  # height and width of what the camera sees
SHOWN = (420, 640)  # and of each picture, in which the pair is as large as it may be
GROUND = 46  # grey
CAMERA = dict(yaw=170, pitch=8, distance=8.5, focal_length=1.15, missing=0, noise=1, score=0.9)

People = Mapping[int, np.ndarray]


def main() -> None:
    """Watch and draw."""
    parser = lab_parser(__doc__)
    parser.add_argument('data', help='annotation file of SBU')
    parser.add_argument('--model', default='pair2d', help='default: %(default)s')
    parser.add_argument('--clips', type=int, default=4, help='interactions in the scene; default: %(default)s')
    parser.add_argument('--seed', type=int, default=0, help='of the scene')
    parser.add_argument('--out', type=Path, default=Path('docs/watched.png'), help='default: %(default)s')
    args = parser.parse_args()
    content = load_annotations(args.data)
    layout = content['meta']['layout']
    clips = select_split(content, f'fold{FOLD}_val', args.data)
    np.random.seed(args.seed)  # noqa: NPY002 (of the camera's noise)
    made = simulate(clips, content['meta']['classes'], np.random.default_rng(args.seed), args.clips)
    frames = seen_by_camera(made.keypoint, layout)
    inferencer = InteractionInferencer(args.model, layout=layout, fuse=True)
    events = watch(inferencer, frames)
    write_whole(args.out, draw(frames, events, made.events, layout))
    for name, several in (('found', events), ('true', made.events)):
        print(f'{name}:', '; '.join(f'{event.start:.1f}-{event.end:.1f} s {event.label}' for event in several))
    print(f'wrote {args.out}')


def seen_by_camera(keypoint: np.ndarray, layout: str) -> list[People]:
    """Everybody in every frame, as a pose estimator gives them: ids from 1 to ``(V, 3)``, x, y and score."""
    camera = ProjectTo2D(**CAMERA, img_shape=SIZE)
    seen = camera.transform({'keypoint': keypoint, 'layout': get_skeleton(layout), 'frame_dir': 'scene'})
    bodies = np.concatenate([seen['keypoint'], seen['keypoint_score'][..., None]], axis=-1)
    return [{person + 1: body for person, body in enumerate(frame) if body.any()} for frame in bodies.swapaxes(0, 1)]


def watch(inferencer: InteractionInferencer, frames: list[People]) -> list[Event]:
    """The events that are found."""
    watcher = EventWatcher(inferencer, WatchOptions(fps=FPS), SIZE)
    events = [event for number, people in enumerate(frames) for event in watcher.push(number / FPS, people)]
    return sorted([*events, *watcher.finish()], key=lambda event: event.start)


def draw(frames: list[People], events: list[Event], true: list[Event], layout: str) -> bytes:
    """A PNG of the scene in the middle of what truly happens, with what is found then."""
    annotator = Annotator(get_skeleton(layout), len(frames) / FPS)
    pairs = [(int(str(event.persons[0])), int(str(event.persons[1]))) for event in events]
    bars = [Bar(pair, event.label, event.start, event.end) for pair, event in zip(pairs, events, strict=True)]
    pictures = []
    for shown in true[:4]:
        time = (shown.start + shown.end) / 2
        labels = [
            PairLabel(bar.persons, event.label, event.score)
            for bar, event in zip(bars, events, strict=True)
            if event.start <= time <= event.end
        ]
        ground = np.full((*SHOWN, 3), GROUND, np.uint8)
        people = closer(frames[int(time * FPS)], [int(str(person)) for person in shown.persons])
        pictures.append(annotator.draw(ground, people, time, labels, bars))
    pictures += [np.zeros_like(pictures[0])] * (len(pictures) % 2 if len(pictures) > 1 else 0)
    rows = [np.hstack(pictures[start : start + 2]) for start in range(0, len(pictures), 2)]
    return cv2.imencode('.png', np.vstack(rows))[1].tobytes()


def closer(people: People, persons: list[int]) -> People:
    """Everybody near a pair, which fills the middle of the picture."""
    joints = np.concatenate([people[person][:, :2] for person in persons if person in people])
    low, high = joints.min(axis=0), joints.max(axis=0)
    height, width = SHOWN
    scale = min(0.6 * height / (high[1] - low[1]), 0.7 * width / (high[0] - low[0]))
    aim = np.array([width / 2, 0.62 * height])  # room for labels above
    moved = {}
    for person, body in people.items():
        places = (body[:, :2] - (low + high) / 2) * scale + aim
        if 0 <= places[:, 0].mean() < width:
            moved[person] = np.column_stack([places, body[:, 2]])
    return moved


if __name__ == '__main__':
    run_main(main)
