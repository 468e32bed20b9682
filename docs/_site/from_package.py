"""Directives whose content the package itself tells when the site is built: no table is copied by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class ModelTable(SphinxDirective):
    """What ``hairseg models --markdown`` prints."""

    def run(self) -> list[nodes.Node]:
        """The table."""
        self.env.note_reread()
        from hairseg.cli_models import _table
        from hairseg.models import list_models

        return self.parse_text_to_nodes(_table(list_models()))


class ScoreTable(SphinxDirective):
    """One measure of all models: on every set that their files tell, or on every hairstyle."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table."""
        self.env.note_reread()
        from hairseg.models import list_models

        known = list_models()
        if self.arguments[0] == "hairstyles":
            columns = _hairstyles(known[0].scores["figaro1k:test"])
            cells = [[info.scores["figaro1k:test"].get(f"iou_{name}") for name in columns] for info in known]
        else:
            columns = list(known[0].scores)
            cells = [[info.scores.get(name, {}).get("iou") for name in columns] for info in known]
        head = f"| model | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}\n"
        rows = (
            f"| [`{info.name}`](../src/hairseg/models/{info.name}.md) | "
            + " | ".join("-" if value is None else f"{value:.3f}" for value in row)
            + " |\n"
            for info, row in zip(known, cells, strict=True)
        )
        from from_repository import rewrite

        return self.parse_text_to_nodes(rewrite(self.env.docname, head + "".join(rows)))


def _hairstyles(scores: Any) -> list[str]:
    other = {"low", "high", "without_duplicates"}
    names = (key.removeprefix("iou_") for key in scores if key.startswith("iou_"))
    return [name for name in names if name not in other]


class CommandLine(SphinxDirective):
    """``verbs``: a list of them; ``reference``: each with its arguments and options, written by cyclopts itself."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A list, or a section a verb."""
        self.env.note_reread()
        verbs, reference = command_line()
        if self.arguments[0] == "verbs":
            return self.parse_text_to_nodes(verbs)
        return self.parse_text_to_nodes(reference, allow_section_headings=True)


def command_line() -> tuple[str, str]:
    """The list of verbs, and the reference of each, as Markdown.

    The options that all verbs on photos share stand at the first of them only.
    """
    from hairseg.cli import Options, build_app

    text = build_app().generate_docs("markdown", heading_level=1)
    _, contents, *verbs = text.split("\n## ")
    summary = contents.partition("**Commands**:")[2].partition("**Arguments**:")[0]
    shared = tuple(f"* `--{field.name.replace('_', '-')}" for field in dataclasses.fields(Options))
    done = []
    for number, verb in enumerate(verbs):
        lines = verb.splitlines()
        told = {
            start
            for start in shared
            for line in lines
            if line.startswith((f"{start} ", f"{start},", f"{start}`"))
        }
        if number and len(told) == len(shared):
            lines = _without(lines, shared)
            lines.append("\nAnd [the options that all verbs on photos share](#hairseg-mask).")
        done.append("\n".join(lines))
    return summary, "".join(f"\n## {verb}\n" for verb in done)


def _without(lines: list[str], starts: tuple[str, ...]) -> list[str]:
    """Drop the list items that begin like this, with the lines that continue them."""
    kept, dropping = [], False
    for line in lines:
        if line.startswith("* "):
            dropping = any(line.startswith((f"{start} ", f"{start},", f"{start}`")) for start in starts)
        elif line and not line.startswith(" "):
            dropping = False
        if not dropping:
            kept.append(line)
    return kept


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("model-table", ModelTable)
    app.add_directive("score-table", ScoreTable)
    app.add_directive("command-line", CommandLine)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
