"""Users' own recordings to annotations."""
