"""Kinetics-10 to annotations."""

from .convert import convert_kinetics10

__all__ = ['convert_kinetics10']
