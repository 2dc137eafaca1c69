"""Annotation files and stores: read without running code from them, written whole."""
