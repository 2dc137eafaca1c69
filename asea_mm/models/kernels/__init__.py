"""Fused forms of layers, in Triton, for GPUs; nothing needs them."""

from .active_joints import select_joints
from .choice import set_kernels, takes_kernels
from .graph_convolution import graph_convolution

__all__ = ['graph_convolution', 'select_joints', 'set_kernels', 'takes_kernels']
