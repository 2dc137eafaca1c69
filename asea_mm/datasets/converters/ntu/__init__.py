"""NTU RGB+D to annotations."""

from .convert import convert_ntu

__all__ = ['convert_ntu']
