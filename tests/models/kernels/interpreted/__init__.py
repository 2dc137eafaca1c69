"""Tests of what the kernels compute; they run where Triton interprets kernels, see ``test_interpreted.py`` beside."""
