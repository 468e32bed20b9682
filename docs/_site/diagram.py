"""The parts of hairseg and their imports, read from the source, as docs/images/architecture.svg.

python docs/_site/diagram.py
"""

from __future__ import annotations

import ast
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "hairseg"
OUT = ROOT / "docs" / "images" / "architecture.svg"

# Part: column and row of its box, what it does, and the extra that it needs.
PARTS = {
    "cli": (1, 0, "verbs -> functions", ""),
    "video": (0, 1, "frames, steady over time", "video"),
    "serve": (1, 1, "the page and the service", "serve"),
    "cluster": (2, 1, "photos by the million", "ray"),
    "evaluation": (3, 1, "the protocol", ""),
    "core": (0.5, 2.2, "photo, fit, segmenter, mask, paint, save, models", ""),
    "training": (3, 2.2, "recipe, loop, export", "train"),
    "data": (1.5, 3.4, "photos with true masks", ""),
    "net": (3, 3.4, "PSPNet and its parts", "train"),
}
WIDTH, HEIGHT, STEP_X, STEP_Y, EDGE = 184, 62, 232, 108, 20


def part_of(module: str) -> str:
    """The part that a dotted module belongs to."""
    name = module.split(".")[1] if "." in module else ""
    if name in PARTS:
        return name
    if name.startswith("cli") or name == "__main__":
        return "cli"
    return "video" if name.startswith(("video", "webcam", "steady")) else "core"


def imports() -> dict[tuple[str, str], bool]:
    """Each pair (importing part, imported part): whether it is imported at once, rather than when it is needed."""
    found: dict[tuple[str, str], bool] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        here = part_of("hairseg." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = {id(node) for block in tree.body if isinstance(block, ast.If) for node in ast.walk(block)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or id(node) in typing:
                continue
            if (node.module or "").startswith("hairseg") and (there := part_of(node.module or "")) != here:
                found[here, there] = found.get((here, there), False) or node in tree.body
    return found


def _place(part: str) -> tuple[float, float]:
    column, row, *_ = PARTS[part]
    return EDGE + column * STEP_X, EDGE + row * STEP_Y


def _arrow(start: str, end: str, at_once: bool) -> str:
    """A line from the border of one box to that of the other."""
    (x0, y0), (x1, y1) = ((x + WIDTH / 2, y + HEIGHT / 2) for x, y in (_place(start), _place(end)))
    across, down = x1 - x0, y1 - y0
    share = min((WIDTH / 2 + 4) / abs(across) if across else 2, (HEIGHT / 2 + 4) / abs(down) if down else 2)
    a, b, c, d = x0 + across * share, y0 + down * share, x1 - across * share, y1 - down * share
    style = "" if at_once else ' stroke-dasharray="5 4"'
    return f'<line x1="{a:.0f}" y1="{b:.0f}" x2="{c:.0f}" y2="{d:.0f}" marker-end="url(#tip)"{style}/>'


def _box(part: str) -> str:
    _, _, what, extra = PARTS[part]
    x, y = _place(part)
    title = part if part != "core" else "photo's way"
    label = f"{title}  [{extra}]" if extra else title
    words, lines = what.split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 28:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    colour = "#fff1d6" if part in ("net", "training") else "#e5f0fb"
    text = "".join(
        f'<text x="{x + WIDTH / 2:.0f}" y="{y + 38 + 15 * number:.0f}" class="what">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{colour}"/>'
        f'<text x="{x + WIDTH / 2:.0f}" y="{y + 20:.0f}" class="name">{escape(label)}</text>{text}'
    )


def draw() -> str:
    """The diagram as SVG."""
    wide, tall = 3 * STEP_X + WIDTH + 2 * EDGE, 3.4 * STEP_Y + HEIGHT + 2 * EDGE + 24
    arrows = [_arrow(*pair, at_once) for pair, at_once in sorted(imports().items())]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall:.0f}" role="img">',
            "<title>The parts of hairseg and what each imports</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 8 4 0 8z" fill="#567"/></marker></defs>',
            "<style>text{font-family:sans-serif;text-anchor:middle;fill:#123}.name{font-size:15px;"
            "font-weight:bold}.what{font-size:12px}line{stroke:#567;stroke-width:1.3}"
            "rect{stroke:#567}</style>",
            f'<rect width="{wide:.0f}" height="{tall:.0f}" fill="#fff" stroke="none" style="stroke:none"/>',
            *arrows,
            *map(_box, PARTS),
            f'<text x="{wide / 2:.0f}" y="{tall - 12:.0f}" class="what">arrow: imports; dashed: only when it is '
            "needed; yellow: the parts that need torch</text>",
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    OUT.write_text(draw(), encoding="utf-8")
