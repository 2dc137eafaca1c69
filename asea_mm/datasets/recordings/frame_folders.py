"""A recording as a folder of files, one for each frame: JSON of many forms, or ultralytics' text."""

import json
import re
from pathlib import Path

import numpy as np

from ...errors import InputError
from ...skeletons import Skeleton
from .json_forms import Node, load_json
from .json_forms.frames import frame_form
from .json_forms.videos import read_frame
from .notes import Note
from .recording import Detection, Recording, assemble

# The last number is that of the frame: video_000000000012_keypoints.json, frame_0012.json, 000012.json, video_12.txt.
_NAME = re.compile(r'(?P<before>.*?)(?P<frame>[0-9]+)(?P<after>[^0-9]*)')
OF_FRAMES = ('.json', '.txt')
_OPENPOSE = '_keypoints.json'
_LOOKED_AT = 5  # files of a folder, until one is not empty or broken
# Folders that tools make for the files of frames, in that of the recording.
INNER_FOLDERS = ('labels', 'predictions', 'sep-json')


def frame_files(folder: Path) -> list[Path]:
    """The files of a folder that hold a frame each, in order; none if it holds other things, such as recordings."""
    named = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in OF_FRAMES]
    numbered = [path for path in named if _NAME.fullmatch(path.stem) and not path.name.startswith('.')]
    if openpose := [path for path in numbered if path.name.endswith(_OPENPOSE)]:
        return openpose
    for suffix, is_frame in (('.json', _is_json_frame), ('.txt', _is_text_frame)):
        files = [path for path in numbered if path.suffix.lower() == suffix]
        looked_at = [is_frame(path) for path in files[:_LOOKED_AT]]
        if next((is_it for is_it in looked_at if is_it is not None), False):
            return files
    return []


def is_frame_folder(folder: Path) -> bool:
    """Whether :func:`frame_files` has any."""
    return bool(frame_files(folder))


def _is_json_frame(path: Path) -> bool | None:
    """None where the file does not tell."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError):
        return None
    return None if content == [] else frame_form(content) is not None


def _is_text_frame(path: Path) -> bool:
    """Whether the first line has a class, a box and at least three joints, separated by blanks."""
    with path.open('rb') as file:
        line = file.readline(100_000)
    return re.fullmatch(rb'\d{1,4}( -?[0-9.e+-]+){10,}\s*', line) is not None


def read_frame_folder(folder: Path, skeleton: Skeleton) -> Recording:
    """Read a folder of files of frames.

    Persons are told apart by ids where the files have them, else linked from frame to frame. A frame without a file
    has nobody in it.

    Raises:
        InputError: If a file is wrong, or they are of more than one video; names the file.
    """
    files = frame_files(folder)
    numbers: dict[int, Path] = {}
    videos: dict[tuple[str, str], None] = {}
    for path in files:
        match = _NAME.fullmatch(path.stem)
        assert match is not None
        frame = int(match['frame'][-18:])
        videos[match['before'], match['after']] = None
        if (before := numbers.setdefault(frame, path)) != path:
            fix = 'give each video its folder' if len(videos) > 1 else 'every frame may be there once'
            raise InputError(f'{path}: frame {frame} is also in {before.name}; {fix}')
    if len(videos) > 1:
        names = [before.rstrip('_') + after for before, after in videos][:3]
        raise InputError(f'{folder}: expected the frames of one video, got {names}; give each its folder')
    if files[0].suffix.lower() == '.txt':
        return _read_ultralytics(folder, numbers, skeleton)
    detections: list[Detection] = []
    notes: dict[Note, None] = {}
    for frame, path in sorted(numbers.items()):
        bodies = read_frame(Node(load_json(path), str(path), notes=notes), frame, skeleton)
        for body in bodies:
            body.where = f'{path.name}, {body.where}'
        detections += bodies
    recording = assemble(detections, numbers, skeleton, str(folder))
    recording.notes += notes
    keypoint = recording.keypoint
    if keypoint.shape[-1] == 2 and np.nanmax(np.abs(keypoint - 0.5)) <= 0.5:
        recording.shares = 'to pixels'
    return recording


def _read_ultralytics(folder: Path, numbers: dict[int, Path], skeleton: Skeleton) -> Recording:
    """``save_txt`` of ultralytics: a line for each body, all coordinates as shares of the image.

    Class, box (4), then x, y and maybe score of each joint; then maybe the confidence of the box, and maybe an id.
    """
    joints = skeleton.num_joints
    rows: list[tuple[int, np.ndarray, str]] = []
    for frame, path in sorted(numbers.items()):
        for number, line in enumerate(path.read_text(encoding='utf-8-sig', errors='replace').splitlines(), 1):
            where = f'{path.name}, line {number}'
            try:
                values = np.array([float(cell) for cell in line.split()])
            except ValueError:
                raise InputError(f'{path}, line {number}: expected numbers, got {line[:60]!r}') from None
            if len(values) and (not rows or len(values) == len(rows[0][1])):
                rows.append((frame, values, where))
            elif len(values):
                raise InputError(f'{path}, line {number}: expected {len(rows[0][1])} numbers as in {rows[0][2]}, got '
                                 f'{len(values)}')  # fmt: skip
    if not rows:
        raise InputError(f'{folder}: expected at least one person in one frame, got none')
    width = len(rows[0][1]) - 5
    per_joint = next((count for count in (3, 2) if 0 <= width - count * joints <= 2), None)
    if per_joint is None:
        raise InputError(
            f'{folder}, {rows[0][2]}: expected class, box and 2 or 3 numbers for each of {joints} joints of '
            f'{skeleton.name!r}, got {width + 5} numbers'
        )
    last = np.array([values[-1] for _, values, _ in rows])
    more = width - per_joint * joints
    has_id = more == 2 or (more == 1 and bool((last == np.floor(last)).all()) and last.max() > 0)
    detections = []
    for frame, values, where in rows:
        body = values[5 : 5 + per_joint * joints].reshape(joints, per_joint)
        score = body[:, 2] if per_joint == 3 else None
        detections.append(Detection(frame, f'{values[-1]:.0f}' if has_id else None, body[:, :2], score, where))
    recording = assemble(detections, numbers, skeleton, str(folder))
    recording.shares = 'to pixels'
    return recording
