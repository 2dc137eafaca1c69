"""Halve a pose model: weights as float16 in the file, which the runtime turns to float32 when it loads it.

``python -m lab.reduce_pose_model movenet_multipose.onnx REDUCED.onnx [--clips CLIP ...]``

The clips tell how far the joints of the two models are apart, and how long a picture takes on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from asea_mm.datasets.files.whole import write_whole
from asea_mm.video.estimators import PoseEstimator
from asea_mm.video.onnx_estimators import open_onnx
from asea_mm.video.source import open_source

LEAST = 256  # numbers of a tensor; smaller ones are not worth it, and may be what shapes are computed from


def reduce_weights(model: onnx.ModelProto) -> None:
    """Replace, in place, every large float32 tensor by a float16 one and a cast, which the runtime folds."""
    graph = model.graph
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= LEAST:
            half = f'{tensor.name}_half'
            graph.initializer.remove(tensor)
            graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), half))
            graph.node.insert(0, helper.make_node('Cast', [half], [tensor.name], to=TensorProto.FLOAT))
    onnx.checker.check_model(model)


def compare(full: PoseEstimator, reduced: PoseEstimator, clip: str, least_score: float = 0.2) -> str:
    """how far the joints of two models are apart in a clip, body by nearest body, and how long each takes."""
    apart: list[np.ndarray] = []
    counts, seconds = [0, 0], [0.0, 0.0]
    with open_source(clip) as source:
        for frame in islice(source, 300):
            bodies = []
            for index, model in enumerate((full, reduced)):
                began = time.process_time()
                bodies.append(model(frame.picture))
                seconds[index] += time.process_time() - began
                counts[index] += len(bodies[-1])
            for body in bodies[0] if len(bodies[1]) else []:
                distances = np.linalg.norm(bodies[1][..., :2] - body[:, :2], axis=-1)[:, body[:, 2] >= least_score]
                apart.append(distances[distances.mean(axis=1).argmin()])
        frames = frame.number + 1
    pixels = np.concatenate(apart) if apart else np.zeros(1)
    height, width = frame.picture.shape[:2]
    return (
        f'{Path(clip).name}, {width} x {height}: bodies {counts[0]} and {counts[1]} in {frames} frames; joints apart '
        f'by {pixels.mean():.3f} pixels on average, {pixels.max():.3f} at most; '
        f'{1000 * seconds[0] / frames:.0f} and {1000 * seconds[1] / frames:.0f} ms of one core a picture'
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the reduced model, and compare the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('full', type=Path)
    parser.add_argument('reduced', type=Path)
    parser.add_argument('--clips', nargs='*', default=[])
    options = parser.parse_args(arguments)
    model = onnx.load(options.full)
    reduce_weights(model)
    write_whole(options.reduced, model.SerializeToString(deterministic=True))
    sizes = (path.stat().st_size / 1e6 for path in (options.full, options.reduced))
    print('MB: {:.1f} and {:.1f}'.format(*sizes))
    for clip in options.clips:
        print(compare(open_onnx(options.full, threads=1), open_onnx(options.reduced, threads=1), clip))
    return 0


if __name__ == '__main__':
    sys.exit(main())
