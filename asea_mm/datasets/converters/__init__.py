"""Converters from raw data to annotations, one file per source.

Each returns ``(annotations, split, meta)``, the arguments of :func:`asea_mm.datasets.annotation_file.save_annotations`.
"""

from .kinetics import convert_kinetics10
from .sbu import convert_sbu

__all__ = ['convert_kinetics10', 'convert_sbu']
