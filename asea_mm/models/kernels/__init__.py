"""Fused forms of layers, in Triton; they run on CUDA, and nothing needs them."""

from .graph_convolution import graph_convolution
from .support import FORMS, takes_kernels

__all__ = ['FORMS', 'graph_convolution', 'takes_kernels']
