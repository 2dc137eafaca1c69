"""K3HI to annotations."""
