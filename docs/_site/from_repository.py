"""Links that leave ``docs/``: to a page of the site where there is one, and to the repository otherwise.

Cards and the project's own pages lie elsewhere in the repository; ``_generated/`` holds a copy of each for the site.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util import logging

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
REPOSITORY = "https://github.com/hairseg/hairseg"
LINK = re.compile(r"\]\((?P<path>\.\.?/[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
PAGES = {
    ROOT / name: f"_generated/{name.lower()}" for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
}
PAGES |= {card: f"_generated/{card.name}" for card in sorted((ROOT / "src/hairseg/models").glob("*.md"))}

log = logging.getLogger(__name__)


def rewrite(docname: str, text: str) -> str:
    """The Markdown of a page with its links out of ``docs/`` led to where they lead on the site."""
    here = (DOCS / docname).parent

    def target(link: re.Match[str]) -> str:
        place, anchor = (here / link["path"]).resolve(), link["anchor"] or ""
        if place in PAGES:
            return f"]({os.path.relpath(DOCS / PAGES[place], here)}{anchor})"
        if place.is_relative_to(DOCS):
            return link[0]
        if not place.exists() or not place.is_relative_to(ROOT):
            log.warning("%s is not in the repository", link["path"], location=docname)
        kind = "tree" if place.is_dir() else "blob"
        return f"]({REPOSITORY}/{kind}/main/{place.relative_to(ROOT).as_posix()}{anchor})"

    return LINK.sub(target, text)


def write_copies(app: Sphinx) -> None:
    """Copy the pages that lie elsewhere; a copy that is up to date stays untouched, and an old one goes."""
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    wanted = {Path(app.srcdir) / page: source for source, page in PAGES.items()}
    for stale in set(folder.glob("*.md")) - set(wanted):
        stale.unlink()
    for copy, source in wanted.items():
        moved = re.sub(
            r"\]\((?![a-z]+:|#)([^)\s]+)\)",
            lambda link, source=source: f"]({os.path.relpath(source.parent / link[1], DOCS / '_generated')})",
            source.read_text(encoding="utf-8"),
        )
        text = f"---\norphan: true\n---\n{moved}"
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Copy before the pages are looked for, rewrite as each is read."""
    app.connect("builder-inited", write_copies)
    app.connect("source-read", lambda _, docname, source: source.__setitem__(0, rewrite(docname, source[0])))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
