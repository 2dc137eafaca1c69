"""One pass over samples that gathers all that is wrong with them."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ...keypoints import presence
from ...skeletons import Skeleton, get_skeleton
from ..files.annotations import load_annotations
from ..files.limits import MOST_CLASSES
from ..files.validation import find_problems
from .claims import check_image
from .findings import Report
from .measures import Landmarks, Measures, measure_sample
from .splits import Members, check_classes, check_same_keypoints, check_splits

PICTURES = 3  # samples kept of every class

# Thresholds of the findings; lengths in metres.
LARGE, SMALL, FAR = 5.0, 0.3, 20.0
UPSIDE_DOWN = -0.3  # head minus feet along y, as a share of the body
MOST = 0.5  # of the samples that can be judged
MIRRORED = 0.8  # of them; facing directions are noisier
EMPTY = 0.5  # of the frames of a sample
TWICE = 0.5  # of the frames that two rows share
MISSING = 0.3
VARYING_BONES = 0.3  # of the bones of a sample


@dataclass
class Row:
    """What is kept of one sample; None of what is missing or wrong."""

    name: str
    label: int | None
    fps: float | None
    scored: bool
    dtype: str | None = None  # of its keypoints
    shape: tuple[int, ...] | None = None
    measures: Measures | None = None
    twice: str = ''  # what says that a body is there twice, and that bodies exchange rows
    exchanged: str = ''
    fits: bool = False  # to the joints of the layout


def check_annotations(
    path: str | os.PathLike,
    layout: str | Mapping | Skeleton | None = None,
    track: Callable[[Any], Iterable] = iter,
) -> Report:
    """Check an annotation file of ours, mmaction2's or PYSKL's; samples of ours are read one at a time.

    Args:
        path: The file.
        layout: Skeleton layout; by default what the file says.
        track: Wraps the samples, to show progress.

    Returns:
        What is in the file, and everything that is wrong with it.

    Raises:
        FileNotFoundError: If there is no such file.
        InputError: If it cannot be read at all, or the layout that was given is unknown.
    """
    content = load_annotations(path, lazy=True)
    split, meta = content['split'], content['meta']
    report = Report(str(path))
    if layout is not None:
        report.skeleton = get_skeleton(layout)
    elif meta.get('layout') is None:
        report.add('layout', "'meta' names none")
    else:
        try:
            report.skeleton = get_skeleton(meta['layout'])
        except (InputError, TypeError, AttributeError) as error:  # fields of other types than those of a layout
            report.add('layout', str(error))
    names = meta.get('classes')
    classes = [str(name) for name in names] if isinstance(names, (list, tuple)) else None
    landmarks = None if report.skeleton is None else Landmarks.of(report.skeleton)
    num_classes, units = MOST_CLASSES if classes is None else len(classes), str(meta.get('units') or '')
    rows: list[Row] = []
    moments: dict[int | None, list[np.ndarray]] = defaultdict(list)
    for annotation in track(content['annotations']):
        row = _check_sample(report, annotation, num_classes, landmarks, units)
        rows.append(row)
        if row.fits and row.measures and row.label is not None and len(moments[row.label]) < PICTURES:
            persons = row.measures.persons
            fullest = np.flatnonzero(persons == persons.max())
            moments[row.label].append(annotation['keypoint'][:, fullest[len(fullest) // 2]].astype(np.float32))

    ids = {name: [item if isinstance(item, str) else repr(item) for item in split[name]] for name in split}
    members = Members({row.name: row.label for row in rows}, ids, classes)
    report.facts = _facts(rows, members, report.skeleton)
    if not rows:
        report.add('no samples')
        return report
    _compare(report, rows)
    check_classes(report, members)
    check_splits(report, members)
    check_same_keypoints(report, members, {row.name: row.measures.digest for row in rows if row.measures})
    if moments:
        report.pictures = {members.title(label): moments[label] for label in range(members.num_classes())}
    return report


def _check_sample(
    report: Report, annotation: Mapping, num_classes: int, landmarks: Landmarks | None, units: str
) -> Row:
    """Note what is wrong with one sample by itself."""
    name: str = annotation['frame_dir']
    label: Any = annotation.get('label')
    fps: Any = annotation.get('fps')
    num_joints = None if report.skeleton is None else report.skeleton.num_joints
    kinds = {kind for kind, _, _ in find_problems(annotation, num_joints, num_classes)}
    for kind in kinds:
        report.add(kind, f'{name} (label {label})' if kind == 'no class' else name)
    row = Row(
        name,
        label=None if kinds & {'label', 'no class'} else int(label),
        fps=float(fps) if isinstance(fps, (int, float, np.number)) else None,
        scored=annotation.get('keypoint_score') is not None,
    )
    if kinds & {'keypoint', 'compressed', 'shape'}:
        return row
    keypoint: np.ndarray = annotation['keypoint']
    row.dtype, row.shape, row.fits = str(keypoint.dtype), keypoint.shape, keypoint.shape[2] == num_joints
    if row.dtype not in ('float16', 'float32'):
        report.add('dtype', name)
    if kinds & {'no frame', 'not finite', 'nobody'}:
        return row
    score = None if kinds & {'score', 'zero scores'} else annotation.get('keypoint_score')
    known = (report.skeleton, landmarks) if row.fits else (None, None)
    row.measures = measures = measure_sample(keypoint, score, *known)
    low, high, persons = measures.low, measures.high, measures.persons
    verdicts = {
        'missing joints': measures.missing.sum() > MISSING * measures.bodies * keypoint.shape[2],
        'empty frames': (persons == 0).mean() > EMPTY,
        'never two': presence(keypoint).sum(axis=0).max() < 2,
        'more than two': persons.max() > 2,
        'constant': (keypoint[:, 1:] == keypoint[:, :-1]).all(),
        'bones': measures.bones is not None and measures.bones > VARYING_BONES,
    }
    if len(low) == 2:
        joints = keypoint[keypoint.any(axis=-1)]
        if wrong_image := check_image(joints, measures.size, annotation.get('img_shape'), units):
            report.add(wrong_image, name)
    if measures.size is not None and len(low) == 3:
        large, small = measures.size > LARGE, measures.size < SMALL
        measures.confidence = bool(large and low[2] >= 0 and high[2] <= 1)
        verdicts['confidence'] = measures.confidence
        verdicts['units'] = large and not measures.confidence
        verdicts['small'] = small
        verdicts['far'] = not large and not small and max(-low.min(), high.max()) > FAR
    for kind, wrong in verdicts.items():
        if wrong:
            report.add(kind, name)
    for relation in measures.relations:
        rows = f'rows {relation.rows[0]} and {relation.rows[1]}'
        if relation.place:
            report.add('one place', f'{name} ({relation.place} of {rows}, in {relation.shared} frames)')
        if relation.same.sum() > TWICE * relation.shared:
            apart = f'{relation.apart:.3g} apart, {relation.size:.3g} large'
            row.twice = f'{name} ({rows} in {relation.same.sum()} of {relation.shared} frames: {apart})'
        if relation.exchanged:
            row.exchanged = f'{name} ({rows} in {relation.exchanged} of {relation.shared - 1} steps)'
    return row


def _compare(report: Report, rows: list[Row]) -> None:
    """Note what only all samples together say: whether they are of one kind, and the axes that most of them have."""
    shapes = [row.shape for row in rows if row.shape]
    rates = {row.fps for row in rows if row.fps is not None}
    if len({shape[3] for shape in shapes}) > 1:
        report.add('mixed')
    if len({row.scored for row in rows if row.shape}) > 1:
        report.add('mixed scores')
    if len(rates) > 1:
        report.add('frame rates', f'{min(rates):g} to {max(rates):g}')

    told = [(row.name, row.measures) for row in rows if row.measures and not row.measures.confidence]
    space = [(name, item) for name, item in told if len(item.low) == 3]
    fallen = {name: item.upright < UPSIDE_DOWN for name, item in told if item.upright is not None}
    lying = {name: item.vertical != 1 for name, item in space if item.vertical is not None}
    mirrored = {name: item.handed < 0 for name, item in space if item.handed}

    def add(kind: str, verdicts: Mapping[str, Any], least: float) -> bool:
        """Note those of whom it is true, if they are more than this share; a verdict may be what they are called."""
        names = [wrong if isinstance(wrong, str) else name for name, wrong in verdicts.items() if wrong]
        if names and len(names) > least * len(verdicts):
            report.add(kind, *names)
            return True
        return False

    pairs = [row for row in rows if row.measures and row.measures.relations]
    for kind, names in (
        ('same body', {row.name: row.twice for row in pairs}),
        ('exchanged', {row.name: row.exchanged for row in pairs}),
    ):
        if not add(f'{kind}: most', names, MOST):
            add(kind, names, 0)
    fitting = {row.name: row.measures.layout for row in rows if row.measures}
    lopsided = {row.name: row.measures.lopsided for row in rows if row.measures}
    orders = {name: other and f'{name} (fits {other})' for name, other in fitting.items()}
    if add('joint order', orders, MOST) or add('lopsided', lopsided, MOST):
        return  # no joint is the one that tells up from down
    flat, deep = ({shape[3] for shape in shapes} == {count} for count in (2, 3))
    if not add('y not vertical', lying, MOST) and not add('y up' if flat else 'y down', fallen, MOST) and deep:
        add('upside down', fallen, 0)
    add('mirrored', mirrored, MIRRORED)


def _facts(rows: list[Row], members: Members, skeleton: Skeleton | None) -> dict[str, Any]:
    shapes = [row.shape for row in rows if row.shape]
    told = [(row, row.measures) for row in rows if row.measures]
    persons = sum((Counter(item.persons.tolist()) for _, item in told), Counter())
    sizes = [item.size for _, item in told if item.size is not None]
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for _, item in told:
        axes = slice(len(item.low))
        low[axes], high[axes] = np.minimum(low[axes], item.low), np.maximum(high[axes], item.high)
    facts: dict[str, Any] = {
        'samples': len(rows),
        'layout': None if skeleton is None else skeleton.name,
        'pairs of left and right': 0 if skeleton is None else len(skeleton.mirrored),
        'joints': dict(Counter(shape[2] for shape in shapes)),
        'coordinates': dict(Counter(shape[3] for shape in shapes)),
        'dtypes': dict(Counter(row.dtype for row in rows if row.dtype)),
        'frames': _spread([shape[1] for shape in shapes]),
        'splits': {str(name): len(ids) for name, ids in members.split.items()},
        'classes': members.counts(),
        'share of frames with persons': {str(count): persons[count] / persons.total() for count in sorted(persons)},
        'body size': _spread(sizes),
        'range': {
            axis: [float(least), float(most)]
            for axis, least, most in zip('xyz', low, high, strict=True)
            if least <= most
        },
    }
    bodies = sum(item.bodies for row, item in told if row.fits)
    if skeleton is not None and bodies:
        missing = np.sum([item.missing for row, item in told if row.fits], axis=0) / bodies
        worst = [int(joint) for joint in np.argsort(-missing, kind='stable')[:3] if missing[joint]]
        facts['joints missing'] = float(missing.mean())
        facts['most often missing'] = {skeleton.joints[joint]: float(missing[joint]) for joint in worst}
    return facts


def _spread(values: list) -> list[float] | None:
    return [float(min(values)), float(np.median(values)), float(max(values))] if values else None
