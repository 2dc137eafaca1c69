"""Classify a clip with an exported model, without torch and without asea_mm: NumPy and onnxruntime only.

    python examples/onnx_inference.py asea_sbu.onnx clip.npy

The clip is an array of keypoints (M, T, V, C): persons, frames, joints in the order of the model's layout, coordinates
in the unit of the training data. An absent person is all zero. The file of the model says how to prepare it; the steps
below are those of the SBU and NTU configs. For other pipelines prepare the clips yourself and give --prepared:
(clips, M, T, V, C), as the model takes them.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import onnxruntime


def present(keypoint: np.ndarray) -> np.ndarray:
    """Whether a person is there in a frame, (M, T): absent ones are all zero."""
    return (keypoint != 0).any(axis=(2, 3))


def centre_pair(keypoint: np.ndarray, state: dict, frames: str = 'first') -> np.ndarray:
    """Move the middle of the present persons' centre joints to the origin."""
    here = present(keypoint)
    chosen = np.flatnonzero(here.any(axis=0))
    if len(chosen) == 0:
        return keypoint
    if frames == 'first':
        chosen = chosen[:1]
    middles = [keypoint[here[:, t], t, state['centre']].mean(axis=0, dtype=np.float64) for t in chosen]
    return np.where(here[:, :, None, None], keypoint - np.mean(middles, axis=0).astype(np.float32), np.float32(0))


def align_facing(keypoint: np.ndarray, state: dict, vertical_axis: int = 1) -> np.ndarray:
    """Turn the scene about the vertical axis until the line from the first to the second person points along x."""
    here = present(keypoint)
    pairs = [(i, j) for i in range(len(here)) for j in range(i + 1, len(here))]
    shared = [int((here[i] & here[j]).sum()) for i, j in pairs]
    if shared and max(shared) > 0:
        i, j = pairs[int(np.argmax(shared))]
        both = here[i] & here[j]
        centre = keypoint[:, both, state['centre']]
        direction = (centre[j] - centre[i]).mean(axis=0)
    elif here.any() and state['mirrored']:  # one alone: from left to right
        person = int(here.sum(axis=1).argmax())
        left, right = np.array(state['mirrored']).T
        body = keypoint[person, here[person]]
        direction = (body[:, right] - body[:, left]).mean(axis=(0, 1))
    else:
        return keypoint
    x, z = [axis for axis in range(3) if axis != vertical_axis]
    length = np.hypot(direction[x], direction[z])
    if length < 1e-6:
        return keypoint
    cos, sin = direction[x] / length, direction[z] / length
    turned = keypoint.copy()
    turned[..., x] = cos * keypoint[..., x] + sin * keypoint[..., z]
    turned[..., z] = cos * keypoint[..., z] - sin * keypoint[..., x]
    return turned


def smooth_motion(keypoint: np.ndarray, state: dict, window: int = 5, degree: int = 2) -> np.ndarray:
    """Fit a polynomial to the path of every joint around each frame (Savitzky & Golay), within unbroken presences."""
    powers = np.vander(np.arange(window) - window // 2, degree + 1)
    fit = powers @ np.linalg.pinv(powers)  # row k gives the polynomial at frame k of a window
    persons, total = keypoint.shape[:2]
    clips = state.get('num_clips', 1)
    smoothed = keypoint.reshape(persons * clips, total // clips, *keypoint.shape[2:]).copy()
    for clip, here in zip(smoothed, present(smoothed), strict=True):
        for start, stop in np.flatnonzero(np.diff(here, prepend=False, append=False)).reshape(-1, 2):
            if stop - start >= window:
                frame = np.arange(stop - start)
                first = np.clip(
                    frame - window // 2, 0, stop - start - window
                )  # the frame is in the middle if it can be
                windows = clip[start:stop][first[:, None] + np.arange(window)]
                clip[start:stop] = np.einsum('tw,twvc->tvc', fit[frame - first], windows)
    return smoothed.reshape(keypoint.shape)


def sample_clip(
    keypoint: np.ndarray,
    state: dict,
    clip_len: int,
    mode: str = 'resize',
    crop: None = None,
    num_clips: int = 1,
    window: float = 0.75,
) -> np.ndarray:
    """Cut clips of clip_len frames, one after another along T: the whole sequence, or evenly spaced pieces."""
    if crop is not None:
        raise ValueError('SampleClip: a test pipeline has no random crop')
    total = keypoint.shape[1]
    share = 1.0 if num_clips == 1 else window
    length = max(int(np.rint(share * total)), min(2, total))
    if mode == 'pad':
        length = min(length, clip_len)
    starts = [(total - length) // 2]
    if num_clips > 1:
        starts = [int(np.rint(k * (total - length) / (num_clips - 1))) for k in range(num_clips)]
    state['num_clips'] = num_clips
    state['frame_step'] = (length - 1) / max(clip_len - 1, 1) if mode == 'resize' else 1.0
    if mode == 'pad':
        clips = np.zeros((len(keypoint), num_clips, clip_len, *keypoint.shape[2:]), dtype=np.float32)
        for k, start in enumerate(starts):
            clips[:, k, :length] = keypoint[:, start : start + length]
        return clips.reshape(len(keypoint), -1, *keypoint.shape[2:])
    within = np.arange(clip_len) * (length - 1) / (clip_len - 1) if clip_len > 1 else np.array([(length - 1) / 2])
    positions = np.concatenate([start + within for start in starts])
    before = positions.astype(int)
    after = np.minimum(before + 1, total - 1)
    fraction = (positions - before).astype(np.float32)
    here = present(keypoint)
    # between a body and its absence there is nothing to interpolate: the nearer frame counts
    weight = np.where(here[:, before] & here[:, after], fraction, fraction >= 0.5).astype(np.float32)[..., None, None]
    return keypoint[:, before] * (1 - weight) + keypoint[:, after] * weight


def add_turned_clips(keypoint: np.ndarray, state: dict, vertical_axis: int = 1, mirrored: bool = False) -> np.ndarray:
    """Add to every clip its copy that is turned half a turn about the vertical axis, and their mirror images."""
    turned = 0 - keypoint
    turned[..., vertical_axis] = keypoint[..., vertical_axis]
    copies = np.concatenate([keypoint, turned], axis=1)
    if mirrored:
        order = np.arange(keypoint.shape[2])
        for left, right in state['mirrored']:
            order[[left, right]] = right, left
        images = copies[:, :, order]
        images[..., 0 if vertical_axis else 1] *= -1
        copies = np.concatenate([copies, images + 0], axis=1)
    state['num_clips'] = copies.shape[1] // keypoint.shape[1] * state.get('num_clips', 1)
    return copies


def partner_distances(keypoint: np.ndarray) -> np.ndarray:
    """Distances of every joint to all joints of the other person, (M, T, V, V); zero where either is absent."""
    persons, total, joints = keypoint.shape[:3]
    if persons > 2:
        raise ValueError(f'partner_distance: expected at most 2 persons, got {persons}')
    if persons == 1:
        return np.zeros((1, total, joints, joints), dtype=np.float32)
    distance = np.linalg.norm(keypoint[0][:, :, None] - keypoint[1][:, None], axis=-1)
    distance = distance * present(keypoint).all(axis=0)[:, None, None]
    return np.stack([distance, distance.swapaxes(1, 2)]).astype(np.float32)


def generate_stream(
    keypoint: np.ndarray,
    state: dict,
    stream: str | list = 'joint',
    true_speed: bool = False,
    motion_scale: float = 1.0,
    distance_scale: float = 1.0,
) -> np.ndarray:
    """Joints, bones (joint minus parent), distances and their motions, next to each other in the channels."""
    persons, total = keypoint.shape[:2]
    clips = state.get('num_clips', 1)
    streams = []
    for name in [stream] if isinstance(stream, str) else stream:
        here = present(keypoint)
        values = keypoint
        if name.startswith('bone'):
            values = keypoint - keypoint[:, :, state['parents']]
        if name.startswith('partner_distance'):
            values = partner_distances(keypoint) * np.float32(distance_scale)
            here = here & here.all(axis=0)
        if name.endswith('motion'):
            here = here.reshape(persons, clips, -1)
            moves = (here[:, :, 1:] & here[:, :, :-1])[..., None, None] * np.float32(motion_scale)
            if true_speed and state.get('frame_step', 1) > 0:
                moves = moves / np.float32(state.get('frame_step', 1))
            parts = values.reshape(persons, clips, total // clips, *values.shape[2:])
            motion = np.zeros_like(parts)
            motion[:, :, :-1] = (parts[:, :, 1:] - parts[:, :, :-1]) * moves
            values = motion.reshape(values.shape)
        streams.append(values)
    return np.concatenate(streams, axis=-1)


def format_input(keypoint: np.ndarray, state: dict, num_person: int = 2, mode: str = 'zero') -> np.ndarray:
    """The input of the model, (clips, M, T, V, C); missing persons are zero."""
    if mode != 'zero':
        raise ValueError(f"FormatGCNInput: mode must be 'zero', got {mode!r}")
    padded = np.zeros((num_person, *keypoint.shape[1:]), dtype=np.float32)
    padded[: len(keypoint)] = keypoint[:num_person]
    clips = state.get('num_clips', 1)
    return padded.reshape(num_person, clips, -1, *keypoint.shape[2:]).transpose(1, 0, 2, 3, 4)


STEPS = {
    'CentrePair': centre_pair,
    'AlignFacing': align_facing,
    'SmoothMotion': smooth_motion,
    'SampleClip': sample_clip,
    'AddTurnedClips': add_turned_clips,
    'GenerateStream': generate_stream,
    'FormatGCNInput': format_input,
}


def prepare(keypoint: np.ndarray, metadata: dict[str, str]) -> np.ndarray:
    """Keypoints (M, T, V, C) as the model takes them, (clips, M, T, V, C), by the pipeline in the model's file."""
    state = json.loads(metadata['skeleton'])
    joints = len(state['joints'])
    keypoint = np.asarray(keypoint, dtype=np.float32)
    if keypoint.ndim != 4 or keypoint.shape[2] != joints or keypoint.size == 0:
        raise ValueError(f'expected keypoints (M, T, {joints}, C) of layout {metadata["layout"]}, got {keypoint.shape}')
    if not np.isfinite(keypoint).all():
        raise ValueError('expected finite keypoints (an absent person is all zeros), got NaN or infinity')
    for step in json.loads(metadata['pipeline']):
        name = step.pop('type').rpartition('.')[2]
        if name == 'PackActionInputs':
            continue
        if name not in STEPS:
            raise ValueError(f'no step {name} here; known are {", ".join(STEPS)}. Prepare the clips, give --prepared')
        keypoint = STEPS[name](keypoint, state, **step)
    return keypoint


def read_clip(path: str) -> np.ndarray:
    """An array from a .npy file, or the array 'keypoint' of an .npz file."""
    content = np.load(path, allow_pickle=False)
    if isinstance(content, np.ndarray):
        return content
    if 'keypoint' not in content:
        raise ValueError(f"{path}: expected an array 'keypoint', got {sorted(content)[:5]}")
    return content['keypoint']


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='.onnx file that tools/export.py wrote')
    parser.add_argument('clip', help='.npy or .npz file of keypoints (M, T, V, C)')
    parser.add_argument('--prepared', action='store_true', help='the clip is (clips, M, T, V, C) already')
    parser.add_argument('--json', action='store_true', help='print one JSON object instead of a table')
    args = parser.parse_args()
    try:
        session = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
    except Exception as error:  # its errors have no other class in common
        raise ValueError(f'{args.model}: expected a model that tools/export.py wrote, got {error}') from None
    metadata = session.get_modelmeta().custom_metadata_map
    expected = tuple(session.get_inputs()[0].shape[2:])
    keypoint = read_clip(args.clip)
    if not args.prepared and len(keypoint) > expected[0]:
        raise ValueError(f'{args.clip}: expected the {expected[0]} persons to look at, got {len(keypoint)}')
    keypoint = np.asarray(keypoint, dtype=np.float32) if args.prepared else prepare(keypoint, metadata)
    if keypoint.ndim != 5 or keypoint.shape[1:] != expected:
        raise ValueError(f'expected clips of (M, T, V, C) = {expected}, got the shape {keypoint.shape}')
    scores = session.run(['scores'], {'keypoint': keypoint[None]})[0][0]
    ranking = sorted(zip(scores.tolist(), json.loads(metadata['classes']), strict=True), key=lambda row: -row[0])
    if args.json:
        print(json.dumps({name: score for score, name in ranking}))
        return
    print(f'{metadata["scores"]:>11}  class')
    for score, name in ranking:
        print(f'{score:11.4f}  {name}')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, OSError, KeyError) as error:
        sys.exit(f'error: {error}')
