"""Least work is counted from shapes, and is what a layer of known size has."""

import torch
from torch import nn

from asea_mm.engine.roofline import Peaks, Work, count_work, measure_peaks


def test_work_of_a_convolution():
    model = nn.Conv2d(8, 16, 1)
    x = torch.randn(3, 8, 4, 5)
    work = count_work(model, x)
    places = 3 * 4 * 5
    assert work.flops == 2 * places * 8 * 16
    assert work.parameters == 8 * 16 + 16
    assert work.feature_numbers == x.numel() + places * (8 + 16), 'the input, and what the one region reads and writes'


def test_seconds_are_those_of_what_takes_longer():
    work = Work(flops=100.0, feature_numbers=30.0, parameters=10)
    assert work.bytes(torch.bfloat16, training=False) == 30 * 2 + 10 * 4
    assert work.seconds(Peaks(bytes_per_s=1.0, flops_per_s=1000.0), torch.float32, False) == 30 * 4 + 10 * 4
    assert work.seconds(Peaks(bytes_per_s=1e9, flops_per_s=1.0), torch.float32, False) == 100
    assert work.seconds(Peaks(bytes_per_s=1e9, flops_per_s=1.0), torch.float32, True) == 300


def test_peaks_of_this_machine_are_possible():
    peaks = measure_peaks(torch.device('cpu'), torch.float32)
    assert 1e8 < peaks.bytes_per_s < 1e13
    assert 1e8 < peaks.flops_per_s < 1e15
