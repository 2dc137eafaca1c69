"""Small videos and pose models, made by the tests."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from asea_mm.video.writer import VideoWriter


def clip(name: str) -> str:
    """A real clip, or the test is skipped."""
    if not (root := os.environ.get('ASEA_VIDEO_ROOT')):
        pytest.skip('set ASEA_VIDEO_ROOT to the folder of the clips of two people')
    return str(Path(root) / name)


STEP = 12  # of brightness; codecs leave small changes out


def pictures(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Grey pictures, each by :data:`STEP` brighter than the one before, beginning again after twenty."""
    return [np.full((height, width, 3), STEP * (number % 20), np.uint8) for number in range(count)]


def make_video(path: Path, count: int = 20, fps: float = 20.0, height: int = 48, width: int = 64) -> Path:
    """A video of :func:`pictures`."""
    with VideoWriter(path, fps) as video:
        for picture in pictures(count, height, width):
            video.write(picture)
    return path


def make_noise(path: Path, count: int = 60) -> Path:
    """A video that does not get small."""
    generator = np.random.default_rng(0)
    with VideoWriter(path, 20.0) as video:
        for _ in range(count):
            video.write(generator.integers(0, 255, (64, 96, 3), dtype=np.uint8))
    return path


def turn(path: Path) -> None:
    """Set the rotation flag of an MP4 to a quarter turn, as phones do: the matrix of its track header."""
    content = bytearray(path.read_bytes())
    at = content.index(b'tkhd') + 4 + 4 + 4 * 5 + 8 + 8  # version, times, ids, length; reserved; layer and volume
    one = 1 << 16
    assert content[at : at + 36] == struct.pack('>9i', one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    content[at : at + 36] = struct.pack('>9i', 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def space_unevenly(path: Path) -> None:
    """Make the first half of the frames of an MP4 twice as dense and the second sparser: its table of times."""
    content = path.read_bytes()
    at = content.index(b'stts') - 4
    size, _, version, entries, count, delta = struct.unpack('>I4sIIII', content[at : at + 24])
    assert (entries, count % 2, delta % 2) == (1, 0, 0)
    table = struct.pack('>I4sIIIIII', size + 8, b'stts', version, 2, count // 2, delta // 2, count // 2, 3 * delta // 2)
    new = bytearray(content[:at] + table + content[at + 24 :])
    for box in (b'moov', b'trak', b'mdia', b'minf', b'stbl'):  # those around it
        start = new.index(box) - 4
        new[start : start + 4] = struct.pack('>I', struct.unpack('>I', new[start : start + 4])[0] + 8)
    path.write_bytes(new)


def save_model(path: Path, inputs: list, outputs: list, nodes: list, constants: dict[str, np.ndarray]) -> Path:
    """An ONNX file; inputs and outputs are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        'model',
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*value) for value in outputs],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=9), str(path))
    return path


def movenet(path: Path, people: np.ndarray, sides: tuple = ('height', 'width')) -> Path:
    """A file of MoveNet's form that finds these people, ``(6, 56)``; the score of the first joint of all is the mean of
    red, from 0 to 1."""
    only = np.zeros((1, 6, 56), np.float32)
    only[..., 2] = 1
    nodes = [
        helper.make_node('Cast', ['input'], ['floats'], to=TensorProto.FLOAT),
        helper.make_node('Gather', ['floats', 'red'], ['of_red'], axis=3),
        helper.make_node('ReduceMean', ['of_red'], ['mean'], axes=[1, 2], keepdims=0),
        helper.make_node('Div', ['mean', 'most'], ['share']),
        helper.make_node('Mul', ['share', 'only'], ['added']),
        helper.make_node('Add', ['added', 'people'], ['output']),
    ]
    constants = {
        'red': np.array(0),
        'most': np.array(255, np.float32),
        'only': only,
        'people': people[None].astype(np.float32),
    }
    inputs = [('input', TensorProto.INT32, [1, *sides, 3])]
    return save_model(path, inputs, [('output', TensorProto.FLOAT, [1, 6, 56])], nodes, constants)


def rtmo(path: Path, boxes: np.ndarray, joints: np.ndarray, swapped: bool = False, side: int = 640) -> Path:
    """A file of RTMO's form that finds these boxes and joints whatever it sees."""
    nodes = [
        helper.make_node('ReduceMax', ['input'], ['largest'], keepdims=0),
        helper.make_node('Mul', ['largest', 'zero'], ['nothing']),
        helper.make_node('Add', ['boxes', 'nothing'], ['dets']),
        helper.make_node('Add', ['joints', 'nothing'], ['keypoints']),
    ]
    constants = {
        'zero': np.array(0, np.float32),
        'boxes': boxes[None].astype(np.float32),
        'joints': joints[None].astype(np.float32),
    }
    outputs = [('dets', TensorProto.FLOAT, [1, 'n', 5]), ('keypoints', TensorProto.FLOAT, [1, 'n', 17, 3])]
    inputs = [('input', TensorProto.FLOAT, [1, 3, side, side])]
    return save_model(path, inputs, outputs[::-1] if swapped else outputs, nodes, constants)


def body(x: float, y: float = 100.0, size: float = 80.0, score: float = 0.9) -> np.ndarray:
    """A body of COCO's joints around a place, ``(17, 3)``."""
    offsets = np.random.default_rng(3).uniform(-0.5, 0.5, (17, 2)) * [0.4 * size, size]
    return np.column_stack([offsets + [x, y], np.full(17, score)]).astype(np.float32)


def coloured(size: tuple[int, int] = (48, 64), blue: int = 0, green: int = 0, red: int = 0) -> np.ndarray:
    """A picture of one colour."""
    return np.full((*size, 3), (blue, green, red), np.uint8)


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a picture under any name."""
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
