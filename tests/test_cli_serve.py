from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from hairseg import cli_serve
from hairseg.cli import dispatch
from hairseg.errors import MissingExtraError, ModelError, UsageError


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--timeout", "0"], "--timeout 0 is out of range"),
        (["--max-megabytes", "-1"], "--max-megabytes -1 is out of range"),
        (["--max-megapixels", "nan"], "--max-megapixels nan is out of range"),
        (["--queue", "-1"], "--queue -1 is out of range"),
        (["--connections", "0"], "--connections 0 is out of range"),
        (["--max-megabytes", "inf"], "--max-megabytes inf is out of range"),
        (["--port", "99999"], "--port 99999 is out of range"),
        (["--host", "no.such.host.invalid"], "nothing can listen at no.such.host.invalid"),
    ],
)
def test_wrong_options_are_refused_before_it_listens(toy_model: Path, options: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        dispatch(["serve", "--no-page", "-m", str(toy_model), *options])


def test_a_port_that_is_taken(toy_model: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(UsageError, match="use --port 0 for a free one"):
            dispatch(["serve", "--no-page", "-m", str(toy_model), "--port", port])


def test_without_the_extra_the_pip_line_is_named(monkeypatch: pytest.MonkeyPatch, toy_model: Path) -> None:
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hairseg\[serve\]'"):
        dispatch(["serve", "-m", str(toy_model)])


def test_page_needs_only_the_base_install(
    monkeypatch: pytest.MonkeyPatch, toy_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [*sys.modules]:
        if name.startswith(("hairseg.serve", "starlette", "fastapi", "prometheus_client")):
            monkeypatch.delitem(sys.modules, name)
    for name in ("starlette", "fastapi", "prometheus_client"):
        monkeypatch.setitem(sys.modules, name, None)
    import hairseg.serve.export

    def export(folder: Path, models: list[object], force: bool) -> list[Path]:
        (folder / "index.html").write_text(f"{len(models)} {force}")
        return [folder / "index.html"]

    monkeypatch.setattr(hairseg.serve.export, "export_page", export)
    assert dispatch(["page", str(tmp_path), "-m", str(toy_model), "--force"]) == 0
    assert (tmp_path / "index.html").read_text() == "1 True"
    assert "README.txt" in capsys.readouterr().err


def test_page_with_a_model_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        dispatch(["page", str(tmp_path), "-m", "none.onnx"])


def test_the_served_model_stands_first(packaged_toy: Path, make_model: object) -> None:
    from hairseg.models import find_model, read_info

    other = read_info(make_model("other.onnx"))  # type: ignore[operator]
    names = [info.path.name for info in cli_serve._offered(other)]
    assert names == ["other.onnx", "hairseg-int8.onnx"]
    packaged = read_info(find_model())
    assert [info.path.name for info in cli_serve._offered(packaged)] == ["hairseg-int8.onnx"]
