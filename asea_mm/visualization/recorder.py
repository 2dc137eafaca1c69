"""The probe under its name of before, for the inferencer."""

from __future__ import annotations

from types import TracebackType

from torch import Tensor, nn

from .probe import watch


class InteractionRecorder:
    """:func:`watch` as a class."""

    def __init__(self, model: nn.Module, attention: bool = False) -> None:
        self._watch = watch(model, 'mean' if attention else None)

    def __enter__(self) -> InteractionRecorder:
        self._readings = self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)

    @property
    def active(self) -> dict[str, Tensor]:
        return {name: reading['mask'] for name, reading in self._readings.items()}

    @property
    def attention(self) -> dict[str, Tensor]:
        return {name: reading['attention'] for name, reading in self._readings.items() if 'attention' in reading}
