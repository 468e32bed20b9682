from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hairseg
from hairseg.errors import HairsegError

HEAVY = ("onnxruntime", "torch", "cyclopts", "rich", "onnx", "matplotlib", "fastapi", "av")


def loaded(code: str) -> list[str]:
    """Top-level modules that ``code`` loads in a fresh interpreter."""
    code += "; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_public_names() -> None:
    assert sorted(hairseg.__all__) == [
        "DataError",
        "Hair",
        "HairsegError",
        "MissingExtraError",
        "ModelError",
        "OutputError",
        "PhotoError",
        "Segmenter",
        "UsageError",
        "__version__",
        "segment",
    ]
    for name in hairseg.__all__:
        assert getattr(hairseg, name) is not None
        assert name in dir(hairseg)
    with pytest.raises(AttributeError, match="no attribute 'segmnet'"):
        hairseg.segmnet  # noqa: B018


def test_errors_share_a_base() -> None:
    codes = {name: getattr(hairseg, name).exit_code for name in hairseg.__all__ if name.endswith("Error")}
    assert codes == {
        "HairsegError": 1,
        "PhotoError": 1,
        "OutputError": 1,
        "UsageError": 2,
        "DataError": 2,
        "ModelError": 3,
        "MissingExtraError": 3,
    }
    for name in codes:
        assert issubclass(getattr(hairseg, name), HairsegError)


def test_one_version() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    assert hairseg.__version__ == project["project"]["version"]


@pytest.mark.parametrize("code", ["import hairseg", "import hairseg; hairseg.Segmenter; hairseg.Hair"])
def test_import_loads_nothing_heavy(code: str) -> None:
    assert not set(HEAVY) & set(loaded(code))


def test_import_alone_loads_not_even_numpy() -> None:
    assert not {"numpy", "PIL"} & set(loaded("import hairseg"))


def test_a_command_line_is_understood_and_a_model_opened_before_pillow() -> None:
    assert not {"numpy", "PIL"} & set(loaded("import hairseg.cli"))
    assert "PIL" not in loaded("from hairseg.models import list_models; list_models()")


def test_a_plain_run_loads_no_parser(tmp_path: Path) -> None:
    code = (
        "import pathlib, hairseg.models; from hairseg.__main__ import main; "
        f"hairseg.models.FOLDER = pathlib.Path({str(tmp_path)!r}); main(['nowhere.jpg'])"
    )
    modules = loaded(code)
    assert "numpy" in modules
    assert not {"cyclopts", "rich", "asyncio", "torch"} & set(modules)
