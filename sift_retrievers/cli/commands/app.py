"""`app`: all subcommands together."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from sift_retrievers.cli.commands.calibrate import calibrate
from sift_retrievers.cli.commands.compare import compare
from sift_retrievers.cli.commands.doctor import doctor
from sift_retrievers.cli.commands.explain import explain
from sift_retrievers.cli.commands.select import select
from sift_retrievers.cli.commands.serve import serve

app = typer.Typer(
    name="sift",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Passages that are relevant and do not repeat each other, from a store that you have. "
    "No store is ever changed. Exit codes: 0 done, 1 a negative finding, 2 bad usage or input.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sift-retrievers {version('sift-retrievers')}")
        raise typer.Exit


@app.callback()
def _options(
    show: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del show


for command in (doctor, compare, select, explain, calibrate, serve):
    app.command()(command)
