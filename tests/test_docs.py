"""The site builds without a warning, every link in it and in the Markdown leads somewhere, and it fetches nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MISSING = [name for name in ("sphinx", "myst_parser", "furo", "torch") if find_spec(name) is None]
MARKDOWN = [
    ROOT / "README.md",
    ROOT / "README.ko.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *DOCS.glob("*.md"),
]

needs_sphinx = pytest.mark.skipif(
    bool(MISSING), reason=f"needs {', '.join(MISSING)}: pip install 'hairseg[docs]'"
)


class Page(HTMLParser):
    """What a page holds: anchors, links, and what a browser would load by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids.update(given[name] for name in ("id", "name") if name in given)
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") not in (
            "canonical",
            "search",
            "index",
            "next",
            "prev",
            "author",
        ):
            self.loads.append(given["href"])
        self.loads.extend(given[name] for name in ("src", "data", "poster") if name in given and tag != "a")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", out / "trees"]
    built = subprocess.run([*command, DOCS, out / "html"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return out / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path) for path in site.rglob("*.html")}


def broken(pages: dict[Path, Page]) -> list[str]:
    """Each relative link, image or anchor that leads nowhere, and each address that is malformed."""
    wrong = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme:
                if parts.scheme not in ("https", "data") or (
                    parts.scheme == "https" and "." not in parts.netloc
                ):
                    wrong.append(f"{path.name}: {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages.get(target)
            anchor = unquote(parts.fragment)
            if not target.is_file() or (known and anchor and anchor not in known.ids):
                wrong.append(f"{path.name}: {link}")
    return wrong


@needs_sphinx
def test_every_link_of_the_site_leads_somewhere(pages: dict[Path, Page]) -> None:
    assert len(pages) > 20
    assert sum(len(page.links) for page in pages.values()) > 500
    assert broken(pages) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text('<p id="here">')
    (tmp_path / "a.html").write_text(
        '<a href="b.html#here">1</a><a href="b.html#gone">2</a><img src="no.png"><a href="http://x.org">3</a>'
    )
    found = broken({path: Page(path) for path in tmp_path.resolve().glob("*.html")})
    assert found == ["a.html: b.html#gone", "a.html: http://x.org", "a.html: no.png"]


@needs_sphinx
def test_nothing_is_fetched_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loads = [load for page in pages.values() for load in page.loads]
    assert loads
    assert [
        load for load in loads if urlsplit(load).scheme not in ("", "data") or load.startswith("//")
    ] == []
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", text), sheet


@needs_sphinx
def test_what_the_package_tells_is_on_the_pages(site: Path) -> None:
    from hairseg.cli import verbs
    from hairseg.models import list_models

    text = (site / "cli.html").read_text(encoding="utf-8")
    assert [verb for verb in verbs() if f'id="hairseg-{verb}"' not in text] == []
    assert text.count("--rle") == 1  # shared options are told once
    body = text.index("<article")
    assert (
        body < text.index("Count a network's parameters", body) < text.index('id="hairseg-mask"', body)
    )  # the list
    assert "–edge" not in text  # an option's hyphens stay two
    results = (site / "results.html").read_text(encoding="utf-8")
    for info in list_models():
        assert info.name in results
        assert f"{info.scores['figaro1k:test']['iou']:.4f}" in results
    assert "Find the hair in one photo." in (site / "api.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MARKDOWN, ids=lambda path: path.name)
def test_links_of_the_markdown_hold_where_it_lies(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme == "https", link
            assert "." in parts.netloc, link
            continue
        target = path.parent / unquote(parts.path) if parts.path else path
        assert target.exists(), link
        if parts.fragment:
            assert parts.fragment in anchors(target), link


def anchors(path: Path) -> set[str]:
    """The anchors that a repository's view gives a Markdown file's headings."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.strip().lower()).replace(" ", "-") for head in heads}


def test_the_diagram_is_that_of_the_source() -> None:
    drawn = subprocess.run(
        [sys.executable, "-c", "import diagram; print(diagram.draw(), end='')"],
        env={**os.environ, "PYTHONPATH": str(DOCS / "_site")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert drawn == (DOCS / "images" / "architecture.svg").read_text(encoding="utf-8"), (
        "imports between parts changed: python docs/_site/diagram.py"
    )
