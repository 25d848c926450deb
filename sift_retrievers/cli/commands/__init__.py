"""The command line: one file a subcommand. Typer is imported here and nowhere else."""
