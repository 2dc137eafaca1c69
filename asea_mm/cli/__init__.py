"""The command ``asea``: one file a subcommand."""
