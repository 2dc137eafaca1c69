"""What is in an annotation file, and what is wrong with it."""

from .check import check_annotations
from .findings import KINDS, Finding, Report

__all__ = ['KINDS', 'Finding', 'Report', 'check_annotations']
