"""Trained models at work: on arrays and files, and on streams."""

from .inferencer import InteractionInferencer
from .results import InteractionResult, PairResult
from .streaming import StreamingRecognizer, StreamResult

__all__ = ['InteractionInferencer', 'InteractionResult', 'PairResult', 'StreamResult', 'StreamingRecognizer']
