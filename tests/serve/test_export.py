from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from hairseg.errors import OutputError, UsageError
from hairseg.models import read_info
from hairseg.serve import assets, vendor
from hairseg.serve.export import export_page
from toys import ModelMaker


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """onnxruntime-web as empty files: fetched once, but not here."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    files = {name: folder / name for name in (*vendor.FILES, "NOTICE.txt")}
    for path in files.values():
        path.write_bytes(b"x")
    monkeypatch.setattr(assets, "vendored", lambda: files)
    return folder


@pytest.fixture
def exported(runtime: Path, toy_model: Path, tmp_path: Path) -> Path:
    export_page(tmp_path / "out", [read_info(toy_model)])
    return tmp_path / "out"


def test_the_manifest_comes_from_the_models_own_metadata(exported: Path, toy_model: Path) -> None:
    page = json.loads((exported / "page.json").read_text())
    [model] = page["models"]
    info = read_info(toy_model)
    assert model["fit"] == {"mode": "area", "size": 64, "multiple": 32}
    assert (tuple(model["mean"]), tuple(model["std"])) == (info.mean, info.std)
    assert model["threshold"] == info.threshold
    assert (exported / model["url"]).read_bytes() == toy_model.read_bytes()
    assert model["bytes"] == toy_model.stat().st_size


def test_everything_that_is_named_exists(exported: Path) -> None:
    page = json.loads((exported / "page.json").read_text())
    named = [way[key] for way in page["runtime"].values() for key in ("module", "binary")]
    named += [sample["file"] for sample in page["samples"]]
    for script in exported.glob("*.js"):
        named += re.findall(r'(?:from|import) "(\./[^"]+)"', script.read_text(encoding="utf-8"))
        named += re.findall(r'new URL\("(\./\w+\.js)"', script.read_text(encoding="utf-8"))
    named += re.findall(r'(?:src|href)="([^"#]+)"', (exported / "index.html").read_text(encoding="utf-8"))
    assert len(named) > 30
    for address in named:
        assert (exported / address).is_file(), address


def test_the_texts_that_stand_in_the_page_are_those_of_the_scripts(exported: Path) -> None:
    english = (exported / "texts.js").read_text(encoding="utf-8").partition("const KOREAN")[0]
    known = dict(re.findall(r'^  (\w+): "(.*)",$', english, re.MULTILINE))
    page = (exported / "index.html").read_text(encoding="utf-8")
    standing = re.findall(r'data-text="(\w+)"[^>]*>([^<]*)<', page)
    assert len(standing) > 20
    for name, text in standing:
        assert text == known[name]


def test_both_languages_have_the_same_texts(exported: Path) -> None:
    texts = (exported / "texts.js").read_text(encoding="utf-8").partition("const KOREAN_COLOURS")[0]
    english, korean = texts.split("const KOREAN = ")
    names, korean_names = (re.findall(r'^  (\w+): "', part, re.MULTILINE) for part in (english, korean))
    assert names == korean_names


def test_the_camera_gets_the_small_sibling(runtime: Path, toy_model: Path, tmp_path: Path) -> None:
    big = read_info(toy_model)
    others = [dataclasses.replace(big, name=f"{big.name}-{ending}") for ending in ("int8", "small")]
    for models, expected in (
        ([big, *others], f"{big.name}-small"),
        ([big], big.name),
        (others, others[0].name),
    ):
        page = json.loads(assets.assets(models)["page.json"])
        assert page["camera"] == expected


def test_the_page_begins_with_floats(runtime: Path, toy_model: Path) -> None:
    info = read_info(toy_model)
    offered = [dataclasses.replace(info, name=name) for name in ("b-int8", "a", "b", "b-small")]
    page = json.loads(assets.assets(offered)["page.json"])
    assert [model["name"] for model in page["models"]] == ["b", "b-int8", "a", "b-small"]
    assert page["camera"] == "b-small"


def test_no_address_leads_elsewhere(exported: Path) -> None:
    for path in [*exported.glob("*.js"), *exported.glob("*.html"), *exported.glob("*.css")]:
        assert not re.findall(r"https?://(?!www\.w3\.org)\S+", path.read_text(encoding="utf-8")), path.name


def test_the_two_headers_are_explained(exported: Path) -> None:
    note, headers = (exported / "README.txt").read_text(), (exported / "_headers").read_text()
    for name, value in (("Opener", "same-origin"), ("Embedder", "require-corp")):
        assert f"Cross-Origin-{name}-Policy: {value}" in note
        assert f"  Cross-Origin-{name}-Policy: {value}\n" in headers
    assert "one thread" in note


def test_the_terms_lie_beside_the_weights(runtime: Path, make_model: ModelMaker, tmp_path: Path) -> None:
    path = make_model("carded.onnx", licence="for looking at only")
    path.with_suffix(".md").write_text("# its card")
    info = read_info(path)
    export_page(tmp_path / "out", [info])
    note = (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    assert f"{info.name}: for looking at only" in note
    assert (tmp_path / "out" / "models" / "carded.md").read_text() == "# its card"
    assert (tmp_path / "out" / "LICENSE.txt").read_text().startswith("MIT License")


def test_a_folder_with_something_in_it_is_kept(exported: Path, toy_model: Path) -> None:
    models = [read_info(toy_model)]
    with pytest.raises(UsageError, match="not an empty folder"):
        export_page(exported, models)
    (exported / "mine.txt").write_text("mine")
    export_page(exported, models, force=True)
    assert (exported / "mine.txt").read_text() == "mine"
    with pytest.raises(UsageError, match="not an empty folder"):
        export_page(exported / "mine.txt", models)


def test_a_place_that_cannot_be_written(runtime: Path, toy_model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        export_page(tmp_path / "file" / "out", [read_info(toy_model)])
