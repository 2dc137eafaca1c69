"""Users' own recordings to annotations."""

from .convert import convert_custom

__all__ = ['convert_custom']
