"""Hooks of MkDocs: pages from outside of docs/, links that work here and on the site.

README.md is the home page, and the committed results of the benchmarks are pages as they are.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""The page on the site of a file outside of docs/."""
RESULTS = (
    "benchmarks/README.md",
    "benchmarks/*/*.md",
    "benchmarks/*/results/*.md",
    "benchmarks/*/results/*.png",
)
LINK = re.compile(
    r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s:#]+)(?P<anchor>#[^)\s]*)?\)"
)
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LOADED = re.compile(
    r"""<(?:script|img|iframe)[^>]+src="(?:https?:)?//|<link[^>]+href="(?:https?:)?//"""
)


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of docs/."""
    outside = dict(PAGES)
    for pattern in RESULTS:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            outside[name] = name
    for name, uri in outside.items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, files: Files, **_: object) -> str:
    """Let the links lead to pages of the site; a file that is no page is named, without a link."""
    here = repository_path(page.file.src_uri)

    def linked(match: re.Match[str]) -> str:
        target = PurePosixPath(os.path.normpath(here.parent / match["target"]))
        uri = site_uri(target)
        if target.suffix == ".ipynb" and target.stem != here.stem:
            uri = uri.removesuffix(".ipynb") + ".md"  # the page made of it, see notebook_hook.py
        if files.get_file_from_path(uri) is not None:
            relative = os.path.relpath(uri, PurePosixPath(page.file.src_uri).parent)
            return f"{match['image']}[{match['text']}]({relative}{match['anchor'] or ''})"
        if (ROOT / target).exists() and not match["image"]:
            return match["text"]
        return match[0]  # MkDocs reports the broken link

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(linked, part) for part in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, *, page: Page, **_: object) -> str:
    """Refuse a page that loads something from the network."""
    loaded = LOADED.search(output)
    if loaded:
        raise PluginError(
            f"{page.file.src_uri} loads from the network: {output[loaded.start() :][:200]}"
        )
    return output


def repository_path(uri: str) -> PurePosixPath:
    """Where the source of a page lies in the repository."""
    outside = {site: name for name, site in PAGES.items()}
    if uri in outside or uri.startswith("benchmarks/"):
        return PurePosixPath(outside.get(uri, uri))
    return PurePosixPath("docs", uri)


def site_uri(path: PurePosixPath) -> str:
    """The page's name on the site of a file of the repository, if it is one."""
    name = path.as_posix()
    return PAGES.get(name, name.removeprefix("docs/"))
