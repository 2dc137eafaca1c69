"""Annotation files: read without running code from them, sample by sample, and written whole."""
