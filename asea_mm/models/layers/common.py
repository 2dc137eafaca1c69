"""Small pieces that several layers need: presence of persons, fusing batch norms."""

import torch
from torch import Tensor, nn

from asea_mm.skeletons import Skeleton

from ...errors import InputError


def presence_of(keypoint: Tensor) -> Tensor:
    """Which persons are there in which frames: an absent person's keypoints are all zero.

    Shapes:
        keypoint ``(N, M, T, V, C)``; returns ``(N, M, T)``, bool
    """
    return (keypoint != 0).flatten(3).any(dim=3)


def check_keypoints(x: Tensor, skeleton: Skeleton, channels: int, name: str) -> None:
    """Raise :class:`InputError` if keypoints ``(N, M, T, V, C)`` have not the joints and channels of a model."""
    joints, (v, c) = skeleton.num_joints, x.shape[3:]
    if (v, c) != (joints, channels):
        raise InputError(f'{name}: expected {joints} joints ({skeleton.name}) and {channels} channels, got {v} and {c}')


def check_option(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise :class:`InputError` on a value of an option that is not among the known ones."""
    if value not in known:
        raise InputError(f'{name} must be one of {known}, got {value!r}')


def partial_presence(presence: Tensor) -> Tensor | None:
    """None where everybody is present in every frame: the common case, which then runs without masks.

    Only the CPU is asked. On a GPU the answer would have to be waited for, and under compilation it is no number.
    """
    on_host = presence.device.type == 'cpu' and not torch.compiler.is_compiling()
    return None if on_host and bool(presence.all()) else presence


def mask_frames(x: Tensor, presence: Tensor | None) -> Tensor:
    """Set features of absent person-frames to zero, as if the clip ended there.

    Shapes:
        x ``(N*M, C, T, V)``, presence ``(N*M, T)`` bool or None (all present)
    """
    return x if presence is None else x * presence[:, None, :, None].to(x.dtype)


def init_conv(conv: nn.Conv2d) -> nn.Conv2d:
    """He initialisation by the outgoing connections, zero bias."""
    nn.init.kaiming_normal_(conv.weight, mode='fan_out')
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def temporal_conv(in_channels: int, out_channels: int, kernel: int, stride: int, dilation: int) -> nn.Conv2d:
    """Convolution over time, centred on every ``stride``-th frame, initialised."""
    padding = (kernel - 1) * dilation // 2
    return init_conv(nn.Conv2d(in_channels, out_channels, (kernel, 1), (stride, 1), (padding, 0), (dilation, 1)))


class ConvBN(nn.Sequential):
    """Convolution over time and batch norm; :func:`fuse_batch_norm` makes it one convolution."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, dilation: int = 1
    ) -> None:
        conv = temporal_conv(in_channels, out_channels, kernel, stride, dilation)
        super().__init__(conv, nn.BatchNorm2d(out_channels))

    def fuse(self) -> None:
        """Fuse the batch norm's running statistics into the convolution."""
        conv, bn = self
        if isinstance(bn, nn.BatchNorm2d):
            fuse_into(conv, bn)
            self[1] = nn.Identity()


def shortcut(in_channels: int, out_channels: int, stride: int = 1) -> nn.Module:
    """What a residual is: the input, or where the sizes differ a 1x1 convolution of it with batch norm."""
    same = in_channels == out_channels and stride == 1
    return nn.Identity() if same else ConvBN(in_channels, out_channels, stride=stride)


def quiet_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with weights near zero: a layer that it ends starts as its residual, as in CTR-GCN."""
    bn = nn.BatchNorm2d(channels)
    nn.init.constant_(bn.weight, 1e-6)
    return bn


def scale_and_shift(bn: nn.Module, channels: slice = slice(None)) -> tuple[Tensor, Tensor]:
    """What (these channels of) a batch norm multiply by and add in evaluation."""
    assert isinstance(bn, nn.BatchNorm2d)
    assert bn.running_mean is not None
    assert bn.running_var is not None
    scale = bn.weight[channels] / torch.sqrt(bn.running_var[channels] + bn.eps)
    return scale, bn.bias[channels] - bn.running_mean[channels] * scale


class FusedNorm(nn.Module):
    """Scale and shift of some channels, in place: what remains of a batch norm whose other part was fused."""

    shift: Tensor
    scale: Tensor | None

    def __init__(self, scale: Tensor | None, shift: Tensor, channels: slice = slice(None)) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer('shift', shift.detach().clone()[:, None, None])
        self.register_buffer('scale', None if scale is None else scale.detach().clone()[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        part = x[:, self.channels]  # x is the fresh output of a graph convolution or concatenation
        (part if self.scale is None else part.mul_(self.scale)).add_(self.shift)
        return x


@torch.no_grad()
def fuse_into(conv: nn.Module, bn: nn.Module, channels: slice = slice(None)) -> None:
    """Fuse (these channels of) a batch norm in evaluation form into the convolution before it."""
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    scale, shift = scale_and_shift(bn, channels)
    conv.weight *= scale[:, None, None, None]
    conv.bias.mul_(scale).add_(shift)


@torch.no_grad()
def fuse_across(value: nn.Conv2d, bn: nn.Module, parts: int) -> nn.Module:
    """Fuse a batch norm into the 1x1 convolution of ``parts`` graphs whose products with them it normalises the sum of.

    Its scale commutes with the graphs, its shift does not: that is returned. What is fused already comes back as it is.
    """
    if not isinstance(bn, nn.BatchNorm2d):
        return bn
    scale, shift = scale_and_shift(bn)
    scales = scale.repeat(parts)
    value.weight *= scales[:, None, None, None]
    assert value.bias is not None
    value.bias.mul_(scales)
    return FusedNorm(None, shift)


def fuse_batch_norm(model: nn.Module) -> nn.Module:
    """Fuse every batch norm of our layers, those with a method ``fuse``, into its convolution, in place, for inference.

    The outputs in evaluation mode stay the same to rounding; the model can no longer be trained.
    """
    for module in model.modules():
        if callable(fuse := getattr(module, 'fuse', None)):
            fuse()
    return model.eval()
