"""From what a user brings to persons over frames."""
