"""The entry point of `sift`: one-line errors and exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any, Final

from sift_retrievers.cli.problem import CommandError, needed

BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
TRACEBACK: Final = "SIFT_TRACEBACK"
"""An environment variable: if it is set, an unexpected error shows where it was raised."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and end the process with its exit code.

    0: done. 1: a negative finding, as the subcommand documents it. 2: bad usage or input.

    Args:
        arguments: those of the command; None: of the process.
    """
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # λ′ and the texts of others, in any terminal
            stream.reconfigure(errors="replace")
    with warnings.catch_warnings():
        warnings.showwarning = _one_line
        try:
            needed("typer", "sift-retrievers[cli]", "the command sift")
            from sift_retrievers.cli.commands.app import app

            code = app(
                args=None if arguments is None else [*arguments],
                prog_name="sift",
                standalone_mode=False,
            )
            sys.stdout.flush()
            return int(code or 0)
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:  # of `sift … | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except Exception as error:
            return _ended_by(error)


def _ended_by(error: Exception) -> int:
    code = getattr(error, "exit_code", None)  # of typer's Exit
    says = getattr(error, "format_message", None)  # of typer's errors of usage
    if type(error).__name__ == "NoArgsIsHelpError":
        print(says() if says else error)
        return BAD_INPUT
    if says is not None:
        _print_error(f"{says()} (sift --help)")
        return BAD_INPUT
    if isinstance(code, int):
        return code
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    if isinstance(error, CommandError):
        _print_error(str(error))
        return BAD_INPUT
    if os.environ.get(TRACEBACK):
        raise error
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    _print_error(f"{kind}{error} (set {TRACEBACK}=1 for the place)")
    return BAD_INPUT


def _print_error(message: str) -> None:
    print(f"sift: {' '.join(message.split())}", file=sys.stderr)


def _one_line(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    # Those about the code of a package are for its authors.
    if not issubclass(category, DeprecationWarning | PendingDeprecationWarning | FutureWarning):
        print(f"sift: warning: {' '.join(str(message).split())}", file=sys.stderr)
