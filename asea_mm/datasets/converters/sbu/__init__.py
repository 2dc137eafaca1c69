"""SBU Kinect Interaction to annotations."""

from .convert import convert_sbu

__all__ = ['convert_sbu']
