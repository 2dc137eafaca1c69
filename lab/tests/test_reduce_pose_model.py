"""Reduced pose models: half as large, the same answers but for rounding."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, load

from lab.reduce_pose_model import main, reduce_weights
from tests.video.clips import make_video, movenet, save_model


def test_large_weights_are_halved_and_small_ones_stay(tmp_path):
    generator = np.random.default_rng(0)
    weights, offset = generator.normal(size=(40, 30)).astype(np.float32), generator.normal(size=30).astype(np.float32)
    nodes = [helper.make_node('MatMul', ['x', 'weights'], ['xw']), helper.make_node('Add', ['xw', 'offset'], ['y'])]
    path = save_model(
        tmp_path / 'm.onnx',
        [('x', TensorProto.FLOAT, [1, 40])],
        [('y', TensorProto.FLOAT, [1, 30])],
        nodes,
        {'weights': weights, 'offset': offset},
    )
    model = load(path)
    reduce_weights(model)
    assert {tensor.name: tensor.data_type for tensor in model.graph.initializer} == {
        'offset': TensorProto.FLOAT,
        'weights_half': TensorProto.FLOAT16,
    }
    x = generator.normal(size=(1, 40)).astype(np.float32)
    full, reduced = (
        onnxruntime.InferenceSession(content).run(None, {'x': x})[0]
        for content in (path.read_bytes(), model.SerializeToString())
    )
    np.testing.assert_allclose(reduced, full, atol=0.02)


def test_the_command_compares_on_clips(tmp_path, capsys):
    people = np.zeros((6, 56))
    people[0, :51] = 0.5
    people[0, 55] = 0.9
    full = movenet(tmp_path / 'm.onnx', people)
    assert main([str(full), str(tmp_path / 'r.onnx'), '--clips', str(make_video(tmp_path / 'clip.mp4', 3))]) == 0
    printed = capsys.readouterr().out
    assert '0.000 pixels' in printed
    assert 'bodies 3 and 3 in 3 frames' in printed
