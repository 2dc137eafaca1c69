"""Trained models for programs without this package."""
