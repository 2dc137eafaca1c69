"""Models that know "no interaction", and data that is not as in training."""

import numpy as np
import pytest
import torch

from asea_mm.apis import InteractionInferencer, StreamingRecognizer
from asea_mm.datasets.recordings.notes import Note
from asea_mm.datasets.recordings.together import check_metres, note_axes
from asea_mm.errors import InputError
from asea_mm.keypoints import NO_INTERACTION
from asea_mm.skeletons import get_skeleton


@pytest.fixture(scope='module')
def knowing(checkpoint, tmp_path_factory):
    """The tiny model, whose last class is called no interaction, and is never the likeliest."""
    content = torch.load(checkpoint, weights_only=False)
    content['meta']['dataset_meta'] = {**content['meta']['dataset_meta']}
    content['meta']['dataset_meta']['classes'] = [*content['meta']['dataset_meta']['classes'][:-1], NO_INTERACTION]
    content['state_dict']['cls_head.fc.bias'][-1] = -50
    path = tmp_path_factory.mktemp('knowing') / 'model.pth'
    torch.save(content, path)
    return InteractionInferencer(path)


def moved(keypoint, metres):
    """The second person this far from where they were."""
    keypoint = keypoint.copy()
    keypoint[1, ..., 0] += metres
    return keypoint


def test_together_or_not(knowing, samples):
    for sample in samples[:3]:
        near = knowing(sample)
        assert near.label_name != NO_INTERACTION
        for apart in (moved(sample, 6.0), sample[:1], sample * np.array([1, 0]).reshape(2, 1, 1, 1)):
            result = knowing(apart)
            assert result.label_name == NO_INTERACTION
            assert result.score == 1
            assert sum(result.scores) == 1


def test_windows_are_judged_one_by_one(knowing, samples):
    sample = samples[0][:, :40].copy()
    sample[1, 20:, :, 2] += 6  # gone in the second half
    windows = knowing(sample, window=20, overlap=0).best.windows
    assert [window.label_name == NO_INTERACTION for window in windows] == [False, True]
    stream = StreamingRecognizer(knowing, window=20, stride=20)
    for frame in sample.transpose(1, 0, 2, 3):
        current = stream.push(dict(enumerate(frame)))
    (result,) = current
    assert result.label_name == NO_INTERACTION
    assert not result.together


def test_a_model_without_the_class_says_so(inferencer, samples):
    assert not inferencer(samples[0]).notes
    assert NO_INTERACTION in inferencer(moved(samples[0], 6.0)).notes[-1]
    assert inferencer(samples[0][:1]).notes


@pytest.mark.parametrize(('factor', 'unit'), [(1000, 'millimetre'), (100, 'centimetre'), (20000, None), (0.001, None)])
def test_wrong_units_are_no_label(checkpoint, samples, tmp_path, factor, unit):
    path = tmp_path / 'metres.pth'
    content = torch.load(checkpoint, weights_only=False)
    content['meta']['dataset_meta'] = {**content['meta']['dataset_meta'], 'units': 'metre'}
    torch.save(content, path)
    inferencer = InteractionInferencer(path)
    wrong = samples[0] * factor
    limit = np.abs(wrong).max() < 900
    for call in (
        lambda: inferencer(wrong),
        lambda: inferencer(dict(keypoint=wrong)),
        lambda: StreamingRecognizer(inferencer, window=8).push(dict(enumerate(wrong[:, 0]))),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert not limit or unit is None or unit in str(caught.value)
    if unit in ('millimetre', 'centimetre'):
        assert np.allclose(inferencer(wrong, units=unit).scores, inferencer(samples[0]).scores, atol=1e-3)


@pytest.mark.parametrize('scale', [0.4, 1.0, 5.0])
def test_bodies_of_any_person_are_metres(samples, scale):
    check_metres(samples[0] * scale, 'clip')
    check_metres(0 * samples[0], 'nobody')


def test_axes_that_look_wrong(samples, inferencer):
    skeleton = get_skeleton('nturgbd25')
    upright = samples[0]
    assert note_axes(upright, skeleton) == []
    down, sideways = upright * [1, -1, -1], upright[..., [0, 2, 1]] * [1, -1, 1]
    (below,), (lying,) = note_axes(down, skeleton), note_axes(sideways, skeleton)
    assert isinstance(below, Note)
    assert "up='-y'" in str(below)
    assert "up='z'" in str(lying)
    assert any("up='-y'" in note for note in inferencer(down).notes)
    assert not inferencer(down, up='-y').notes
    image = 500 - 200 * upright[..., :2]  # y down
    assert note_axes(image, skeleton) == []
    assert note_axes(200 * upright[..., :2] + 500, skeleton)


@pytest.mark.parametrize('calibration', [{'temperature': 0}, {'temperature': 'hot'}, {}, 3])
def test_wrong_temperatures(checkpoint, tmp_path, calibration):
    content = torch.load(checkpoint, weights_only=False)
    content['meta']['calibration'] = calibration
    torch.save(content, tmp_path / 'wrong.pth')
    with pytest.raises(InputError, match='temperature'):
        InteractionInferencer(tmp_path / 'wrong.pth')
