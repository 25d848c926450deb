"""Write the address of the repository into the project files, before a release is built.

The address is that of the repository in which GitHub runs this, so that no file has to name it:

    python .github/scripts/project_urls.py https://github.com/OWNER/NAME pyproject.toml …
"""

from __future__ import annotations

import sys
from pathlib import Path

HEADING = "[project.urls]\n"


def with_addresses(text: str, home: str) -> str:
    """A pyproject.toml with the addresses of a repository.

    Args:
        text: of the file; it has a table `project.urls` without them.
        home: the address of the repository, such as https://github.com/OWNER/NAME.

    Raises:
        ValueError: for an address that is not an https URL, or a file without the table.
    """
    home = home.rstrip("/")
    if not home.startswith("https://") or any(c in home for c in '"\\ \n'):
        raise ValueError(f"the address must be an https URL; got {home!r}")
    if text.count(HEADING) != 1:
        raise ValueError(f"the file must have one table {HEADING.strip()}")
    addresses = {
        "Repository": home,
        "Issues": f"{home}/issues",
        "Changelog": f"{home}/blob/main/CHANGELOG.md",
        "Documentation": f"{home}/tree/main/docs",
    }
    lines = "".join(f'{name} = "{address}"\n' for name, address in addresses.items())
    return text.replace(HEADING, HEADING + lines)


def main(home: str, *files: str) -> None:
    """Rewrite the files in place."""
    for file in map(Path, files):
        file.write_text(with_addresses(file.read_text(encoding="utf-8"), home), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
