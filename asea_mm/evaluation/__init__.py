from .report import InteractionReport

__all__ = ['InteractionReport']
