"""The OpenAPI document as one page without scripts, so that it works where there is no network."""

from __future__ import annotations

from html import escape
from typing import Any

STYLE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.55 system-ui, sans-serif; }
body { max-width: 52rem; margin: 0 auto; padding: 1.5rem; }
h2 { margin-top: 2.5rem; }
code, pre { font: 0.9em ui-monospace, monospace; }
pre { padding: 0.8rem 1rem; overflow-x: auto; border-radius: 8px;
  background: color-mix(in srgb, currentcolor 9%, transparent); }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.3rem 0.6rem 0.3rem 0; text-align: left; vertical-align: top; }
tr { border-bottom: 1px solid color-mix(in srgb, currentcolor 18%, transparent); }
"""


def reference(openapi: dict[str, Any], *, with_page: bool) -> str:
    """HTML of an OpenAPI document; ``with_page`` says that the page is served beside it."""
    beside = "; the page is at <a href='./'>/</a>" if with_page else ""
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(openapi['info']['title'])} service</title>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style><body><main><h1>{escape(openapi['info']['title'])} service</h1>",
        f"<p>{escape(openapi['info'].get('summary', ''))} ",
        f"Machines read the same in <a href=openapi.json>openapi.json</a>{beside}.</p>",
        "<p>Every error is <code>application/problem+json</code> with one sentence in <code>detail</code>.</p>",
    ]
    for path, verbs in openapi["paths"].items():
        for verb, operation in verbs.items():
            parts.append(_operation(path, verb, operation))
    return "".join([*parts, "</main></body></html>"])


def _operation(path: str, verb: str, operation: dict[str, Any]) -> str:
    parts = [f"<section><h2><code>{verb.upper()} {escape(path)}</code></h2>"]
    parts.append(f"<p>{escape(operation.get('description', ''))}</p>")
    if "requestBody" in operation:
        parts.append(f"<p>Body: {escape(operation['requestBody']['description'])}</p>")
        parts.append(f"<pre>{escape(_example(path, operation))}</pre>")
    if operation.get("parameters"):
        parts.append(_table(["Query", "Default", ""], map(_parameter, operation["parameters"])))
    answers = [(status, answer["description"]) for status, answer in operation["responses"].items()]
    parts.append(_table(["Status", ""], answers))
    return "".join([*parts, "</section>"])


def _example(path: str, operation: dict[str, Any]) -> str:
    """curl lines that work as they stand."""
    needed = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["required"]]
    query = "?" + "&".join(f"{name}=copper" for name in needed) if needed else ""
    address = f"'http://127.0.0.1:8000{path}{query}'"
    return (
        f"curl --data-binary @portrait.jpg {address} -o portrait.png\n"
        f"curl -F photo=@portrait.jpg -H 'Accept: application/json' {address}"
    )


def _parameter(parameter: dict[str, Any]) -> tuple[str, str, str]:
    schema = parameter["schema"]
    default = "required" if parameter["required"] else str(schema.get("default", ""))
    what = parameter.get("description") or schema.get("description", "")
    return parameter["name"], default, what


def _table(head: list[str], rows: Any) -> str:
    cells = "".join(f"<th scope=col>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
