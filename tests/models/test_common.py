"""Presence of persons."""

import pytest
import torch

from asea_mm.models.layers import presence_of, stride_presence
from asea_mm.models.layers.common import mask_frames


def test_presence_of_by_hand():
    keypoint = torch.zeros(1, 2, 3, 2, 2)
    keypoint[0, 0, 1, 1, 0] = -0.5
    keypoint[0, 1, :2] = 1.0
    assert presence_of(keypoint).tolist() == [[[False, True, False], [True, True, False]]]


@pytest.mark.parametrize('strides', [(1,), (2,), (2, 2), (2, 2, 2), (1, 2, 1, 2)])
@pytest.mark.parametrize('frames', [*range(6, 20), 33, 64, 100])
def test_stride_presence_takes_the_frames_that_strided_layers_keep(frames, strides):
    kept = torch.arange(frames)
    for stride in strides:
        kept = kept[::stride]
    assert stride_presence(torch.arange(frames), len(kept)).tolist() == kept.tolist()
    batch = torch.arange(2 * frames).view(2, 1, frames)
    assert torch.equal(stride_presence(batch, len(kept))[1, 0], kept + frames)


@pytest.mark.parametrize('frames', [10, 33, 100])
def test_stride_presence_of_a_stride_that_is_no_power_of_two(frames):
    kept = torch.arange(frames)[::3]
    assert stride_presence(torch.arange(frames), len(kept)).tolist() == kept.tolist()


def test_mask_frames():
    x = torch.ones(2, 3, 2, 4)
    assert mask_frames(x, None) is x
    masked = mask_frames(x, torch.tensor([[True, False], [False, True]]))
    assert masked[:, 0, :, 0].tolist() == [[1, 0], [0, 1]]
    assert torch.equal(masked, masked[:, :1, :, :1].expand_as(masked))
