from .asea import ASEA

__all__ = ['ASEA']
