"""Kinetics-10 to annotations."""
