"""What a model's input channels are made of: coordinates, scores, streams."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..datasets.transforms import stream_channels
from ..errors import InputError

FLAT = ('FillMissingJoints', 'NormalizeByImage')  # steps for keypoints in images
SOLID = ('AlignFacing', 'AddTurnedClips', 'RandomRotation3D')  # and such that need three coordinates


def steps_of(pipeline: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The steps of a pipeline that are of this type, in whatever scope."""
    return [step for step in pipeline if str(step.get('type')).rpartition('.')[2] == name]


def streams_of(pipeline: Sequence[Mapping[str, Any]]) -> list[str]:
    """The streams that a pipeline makes, fused in this order."""
    stream = next((step.get('stream', 'joint') for step in steps_of(pipeline, 'GenerateStream')), 'joint')
    return [stream] if isinstance(stream, str) else list(stream)


def channels_of(streams: Sequence[str], joints: int, dimensions: int, scores: int) -> int:
    """Channels of some streams of keypoints with so many coordinates, and with one channel of scores or none."""
    return sum(stream_channels(name, joints, dimensions) for name in streams) + scores


def kind_of_input(pipeline: Sequence[Mapping[str, Any]], channels: int | None, joints: int) -> tuple[int, int]:
    """Coordinates of the keypoints that a model takes, and how many channels of scores follow them, 0 or 1.

    ``ScoreChannel`` says what becomes of scores; without it ``FormatGCNInput`` appends them where samples have any.
    Three channels of one stream may be x, y, z or x, y and score: they are the latter behind a step for images.

    Args:
        pipeline: Its steps.
        channels: ``in_channels`` of the backbone; None for those of joints in space.
        joints: Joints of the layout; needed for distances to the partner only.

    Raises:
        InputError: If nothing makes so many channels.
    """
    streams = streams_of(pipeline)
    kept = [step.get('keep', True) for step in steps_of(pipeline, 'ScoreChannel')]
    scores = int(any(kept))
    kinds = [(3, scores), (2, scores)] if kept else [(3, 0), (2, 1), (2, 0), (3, 1)]
    if not kept and any(steps_of(pipeline, name) for name in FLAT):
        kinds = [(2, 1), (2, 0), (3, 0), (3, 1)]
    if any(steps_of(pipeline, name) for name in SOLID):
        kinds = [kind for kind in kinds if kind[0] == 3]
    for kind in kinds:
        if channels in (None, channels_of(streams, joints, *kind)):
            return kind
    raise InputError(
        f'in_channels of the backbone: {channels} are made by no 2 or 3 coordinates, with or without scores, in the '
        f'streams {", ".join(streams)}'
    )
