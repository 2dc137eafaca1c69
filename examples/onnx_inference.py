"""Classify a recording with an exported model, without torch and without asea_mm: NumPy and onnxruntime only.

    python examples/onnx_inference.py asea_sbu.onnx recording.npy

The recording is an array of keypoints (M, T, V, C) of any number of frames: persons, frames, joints in the order of the
model's layout, coordinates in the unit of the training data; a person who is absent is all zero. An .npz file holds it
as 'keypoint', beside what poses in images need: 'keypoint_score' (M, T, V) and 'img_shape' (height, width).
The model has all else inside: centring, clips, streams, the average over clips.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np
import onnxruntime


def read_recording(path: str) -> dict[str, np.ndarray]:
    """The arrays of a .npy or .npz file by name, in single precision."""
    content = np.load(path, allow_pickle=False)
    arrays = {'keypoint': content} if isinstance(content, np.ndarray) else dict(content)
    return {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}


def inputs_of(session: onnxruntime.InferenceSession, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the model takes: absent persons are added, and everything is checked, which a graph cannot do."""
    inputs = {}
    for value in session.get_inputs():
        if value.name not in arrays:
            raise ValueError(f'expected an array {value.name!r}, which this model takes, got {sorted(arrays)}')
        array = arrays[value.name]
        if len(value.shape) > 1 and 0 < len(array) < value.shape[0]:
            absent = np.zeros((value.shape[0] - len(array), *array.shape[1:]), dtype=np.float32)
            array = np.concatenate([array, absent])
        fits = [isinstance(size, str) or (size,) == array.shape[k : k + 1] for k, size in enumerate(value.shape)]
        if array.ndim != len(value.shape) or not array.size or not all(fits):
            raise ValueError(f'{value.name}: expected the shape {value.shape}, got {array.shape}')
        if not np.isfinite(array).all():
            raise ValueError(f'{value.name}: expected finite numbers, got NaN or infinity')
        inputs[value.name] = array
    return inputs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='.onnx file of asea export')
    parser.add_argument('recording', help='.npy or .npz file')
    args = parser.parse_args()
    session = onnxruntime.InferenceSession(args.model, providers=['CPUExecutionProvider'])
    metadata = session.get_modelmeta().custom_metadata_map
    if metadata.get('preparation') != 'true':
        raise ValueError(f'{args.model}: expected a model of asea export with its preparation inside')
    scores = session.run(['scores'], inputs_of(session, read_recording(args.recording)))[0]
    ranking = sorted(zip(scores.tolist(), json.loads(metadata['classes']), strict=True), reverse=True)
    print(f'{metadata["scores"]:>11}  class')
    for score, name in ranking:
        print(f'{score:11.4f}  {name}')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, OSError) as error:
        sys.exit(f'error: {error}')
