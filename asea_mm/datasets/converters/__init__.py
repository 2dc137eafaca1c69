"""Converters from raw data to annotations, one file per source.

Each returns ``(annotations, split, meta)``, the arguments of :func:`asea_mm.datasets.annotation_file.save_annotations`.
"""

from .custom.convert import convert_custom
from .kinetics.convert import convert_kinetics10
from .ntu.convert import convert_ntu
from .sbu.convert import convert_sbu

__all__ = ['convert_custom', 'convert_kinetics10', 'convert_ntu', 'convert_sbu']
