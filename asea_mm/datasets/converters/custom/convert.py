"""Users' own recordings to annotations: any mixture of arrays, CSV, JSON and what pose estimators write."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ....errors import InputError
from ....skeletons import SKELETONS, Skeleton, read_layout
from ...recordings.clip_arrays import Clip
from ...recordings.finish import check_axes, finish_recording
from ...recordings.notes import Note, gather_notes
from ...recordings.reading import EXTENSIONS, find_recordings, read_recording
from ...recordings.recording import UNITS, UP_AXES, read_fps
from ..protocol import Conversion, Converter, Progress, convert_each, listed, no_progress
from .labels import (
    RecordingLabel,
    labels_from_clips,
    labels_from_folders,
    labels_from_table,
    number_classes,
    number_of_classes,
    read_classes,
)
from .splits import make_split

FOLDERS = 'folders'  # the labels are the names of folders


def convert_custom(
    source: str | os.PathLike,
    layout: str | os.PathLike,
    labels: str | os.PathLike | None = None,
    split: str | None = None,
    classes: str | os.PathLike | None = None,
    num_person: int = 2,
    units: str | None = None,
    up: str | None = None,
    fps: float | None = None,
    fill_missing: bool = False,
    img_shape: Sequence[int] | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
    skip_bad: bool = False,
) -> Conversion:
    """Convert a folder of recordings to annotations.

    Args:
        source: Folder of recordings, or a file of many clips, see
            :func:`~asea_mm.datasets.recordings.reading.find_recordings`.
        layout: Name of a layout or a JSON file, see :func:`~asea_mm.skeletons.read_layout`.
        labels: ``'folders'`` or a table, see :mod:`~.labels`; may be left out, or a file of labels, for arrays of many
            clips that come with their labels.
        split: ``'column'``, ``'ratio:0.8'``, ``'subject:3,7'`` or ``'kfold:5'``, see :func:`~.splits.make_split`;
            may be left out where files say which clips train. What they say stays, whatever else is asked for.
        classes: Text file of class names, one a line, in the order of their numbers.
        num_person, units, up, fill_missing: See :func:`~asea_mm.datasets.recordings.finish.finish_recording`.
        fps: Frames per second of recordings that do not say; noted with the samples, nothing is resampled.
        img_shape: Height and width of the images, noted with 2-D samples; makes pixels of shares.
        seed: Of random splits.
        progress, skip_bad: See :class:`~..protocol.Converter`.

    Returns:
        ``meta['layout']`` holds the fields of a layout from a file.

    Raises:
        FileNotFoundError: If a file or folder is not there.
        InputError: If an argument, the table of labels as a whole or the split is wrong.
    """
    if num_person < 1:
        raise InputError(f'convert_custom: expected num_person from 1, got {num_person}')
    check_axes(units, up)
    fps = read_fps(fps, '--fps')
    skeleton = read_layout(layout)
    names = None if classes is None else read_classes(Path(classes))
    files = [Path(path) for path in (labels, classes, layout) if path and str(path) != FOLDERS]
    recordings = find_recordings(source, files)
    problems: list[str] = []
    remarks = [] if str(layout) in SKELETONS else [_mirrored_joints(skeleton)]
    said = _labels(labels, source, recordings, problems, remarks)
    if names is None and _are_of_clips(labels):
        names = number_of_classes(recordings)
    numbers, class_names = number_classes(said, names, problems)
    parts = {label.split for label in said.values()} if _are_of_clips(labels) else set()
    own_parts = len(parts) > 1 and '' not in parts
    if split is None and not own_parts:
        raise InputError(f'{source}: expected --split column, ratio:0.8, subject:3,7,9 or kfold:5, got none')
    try:
        ids = make_split(split or 'column', said, numbers, seed, problems)
        if own_parts and split not in (None, 'column'):
            ids |= make_split('column', said, numbers, seed, problems)
            remarks.append(f'train, val and test are as the files say; --split {split} does not change them')
    except InputError as error:
        raise listed(problems, f'{source if str(labels) == FOLDERS else labels}: {error}') from None
    first: tuple[str, int, str] | None = None  # recording, how many coordinates it has, and their unit
    notes: list[tuple[str, Note]] = []

    def convert(name: str) -> dict:
        nonlocal first
        path = recordings[name]
        recording = read_recording(path, skeleton, img_shape)
        recording.fps = recording.fps or fps
        finished = finish_recording(recording, skeleton, str(path), num_person, units, up, fill_missing)
        notes.extend((name, note) for note in finished.notes)
        sample = {'frame_dir': name, 'label': numbers[name], **finished.annotation(num_person)}
        if recording.img_shape:
            sample['img_shape'] = recording.img_shape
        got = sample['keypoint'].shape[-1]
        unit = 'image share' if recording.shares else 'metre' if got == 3 else 'pixel'
        first = first or (str(path), got, unit)
        if (got, unit) != first[1:]:
            raise InputError(
                f'{path}: expected {first[1]} coordinates ({first[2]}) as in {first[0]}, got {got} ({unit}); '
                f'convert the two kinds apart'
            )
        conversion.meta['units'] = unit
        return sample

    used = sorted({name for members in ids.values() for name in members})
    meta = {'layout': skeleton.described, 'classes': class_names, 'source': Path(source).resolve().name}
    conversion = Conversion(ids, meta, remarks, problems)
    samples = convert_each(used, convert, conversion, source, progress, skip_bad)
    conversion.annotations = _scores_alike(samples, conversion, notes)
    return conversion


def _mirrored_joints(skeleton: Skeleton) -> str:
    """What is left and right in a layout of the user's own, which its file may leave to the names of the joints."""
    first, *others = [f'{left} and {right}' for left, right in skeleton.mirrored] or ['no joints']
    shown = ', '.join([first, *others[:2]])
    return f'layout {skeleton.name}: mirroring exchanges {shown}{f" and {len(others) - 2} more" if others[2:] else ""}'


def _are_of_clips(labels: str | os.PathLike | None) -> bool:
    """Whether labels are those that come with arrays of many clips."""
    return labels is None or Path(labels).suffix.lower() in ('.pkl', '.pickle')


def _labels(
    labels: str | os.PathLike | None,
    source: str | os.PathLike,
    recordings: Mapping[str, Path | Clip],
    problems: list[str],
    remarks: list[str],
) -> dict[str, RecordingLabel]:
    """What is said of the recordings, wherever it stands."""
    if labels is not None and not _are_of_clips(labels):
        if str(labels) == FOLDERS:
            return labels_from_folders(recordings, problems)
        return labels_from_table(Path(labels), recordings, problems, remarks)
    said = labels_from_clips(recordings, problems)
    if not said:
        raise InputError(f'{source}: expected --labels folders or a table, got {labels}')
    return said


def _scores_alike(annotations: Iterable[dict], conversion: Conversion, notes: list[tuple[str, Note]]) -> Iterator[dict]:
    """The same samples, all with scores if any has, as batches need it; says the units, what was done to them, and
    what a config needs."""
    samples = list(annotations)
    has_score = any('keypoint_score' in sample for sample in samples)
    for sample in samples:
        if has_score and 'keypoint_score' not in sample:
            present = sample['keypoint'].any(axis=(-1, -2))[..., None]
            everywhere = np.broadcast_to(present, sample['keypoint'].shape[:3])
            sample['keypoint_score'] = everywhere.astype(np.float32)
        yield sample
    channels, layout = samples[0]['keypoint'].shape[-1], conversion.meta['layout']
    conversion.notes += gather_notes(notes)
    conversion.notes.append(
        f'for the config: layout {layout if isinstance(layout, str) else "as in the JSON file"}, '
        f'num_classes={len(conversion.meta["classes"])}, in_channels={channels + has_score} for one stream, '
        f'{2 * channels + has_score} for two'
    )


CONVERTER = Converter(
    title='your own recordings',
    source=f'folder of recordings: {EXTENSIONS}, folders of files of frames; or a file of many clips',
    out='data/custom/{name}.pkl',
    convert=convert_custom,
    options={
        'layout': dict(required=True, help=f'{", ".join(sorted(SKELETONS))} or a JSON file'),
        'labels': dict(help="CSV 'name,label[,split][,subject][,fold]', or: folders"),
        'split': dict(help='column, ratio:0.8, subject:3,7,9 or kfold:5'),
        'classes': dict(type=Path, help='text file, one class name a line (default: sorted labels)'),
        'num_person': dict(type=int, default=2, help='persons to keep (default: %(default)s)'),
        'units': dict(choices=list(UNITS), help='default: metre for 3-D, pixel for 2-D'),
        'up': dict(choices=list(UP_AXES), help='axis that points up in 3-D (default: y)'),
        'fps': dict(type=float, help='frames per second of recordings that do not say'),
        'fill_missing': dict(action='store_true', help='interpolate missing joints in time'),
        'img_shape': dict(type=int, nargs=2, metavar=('H', 'W'), help='image, where 2-D files do not say'),
        'seed': dict(type=int, default=0, help='of random splits (default: %(default)s)'),
    },
)
