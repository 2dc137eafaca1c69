"""Trained models at work: on arrays and files, and on streams."""

from .choice import model_for
from .inferencer import InteractionInferencer
from .results import InteractionResult, PairResult, StreamResult
from .streaming import StreamingRecognizer
from .watching import EventWatcher, WatchOptions, find_events

__all__ = [
    'EventWatcher',
    'InteractionInferencer',
    'InteractionResult',
    'PairResult',
    'StreamResult',
    'StreamingRecognizer',
    'WatchOptions',
    'find_events',
    'model_for',
]
