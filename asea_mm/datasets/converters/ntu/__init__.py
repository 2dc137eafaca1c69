"""NTU RGB+D to annotations."""
