from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path

import pytest
import timm
import torch
from chain import write_chain
from PIL import Image
from safetensors.torch import save_file

from hairseg.errors import DataError, ModelError, UsageError
from hairseg.models import read_info
from hairseg.net import NetConfig
from hairseg.net.hidden import hidden_channels
from hairseg.training import loop
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.export import export, with_seen
from hairseg.training.loop import train
from hairseg.training.recipe import Recipe, Source, Stage, read_recipe
from hairseg.training.run import Run, open_run
from hairseg.training.start import earlier, start

ROOT = Path(__file__).parents[2]


def quiet(line: str) -> None:
    pass


def one_epoch(recipe: Recipe, **changes: object) -> Recipe:
    stages = (Stage(epochs=1, size=64, area=(0.6, 1.0), batch=4),)
    return dataclasses.replace(recipe, stages=stages, **changes)  # type: ignore[arg-type]


def test_going_on_from_an_exported_model_starts_where_it_ended(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)
    net, _, header = read_checkpoint(first.best)
    path = tmp_path / "tiny.onnx"
    export(net, recipe, path)
    # With no learning at all, what is left is the measuring of the batch norms.
    still = one_epoch(recipe, name="still", pretrained=str(path), backbone_rate=0.0, head_rate=0.0, ema=0.0)
    run = Run.create(tmp_path, still)
    line = train(still, run, report=quiet)
    assert line["iou"] == pytest.approx(header["scores"]["iou"], abs=0.05)
    on = one_epoch(recipe, name="on", pretrained=str(path))
    train(on, Run.create(tmp_path, on), report=quiet)


def test_what_an_earlier_training_saw_is_kept(recipe: Recipe, tmp_path: Path, tiny_data: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(tiny_data)
    before = one_epoch(recipe, name="before", train=(Source(f"folder:{other}", ""),))
    first = Run.create(tmp_path, before)
    train(before, first, report=quiet)
    after = one_epoch(recipe, name="after", pretrained=str(first.best))
    second = Run.create(tmp_path, after)
    train(after, second, report=quiet)
    net, trained, header = read_checkpoint(second.best)
    assert header["seen"] == ["other"]
    path = tmp_path / "after.onnx"
    export(net, trained, path, **with_seen(trained, header))
    own = tiny_data.name
    assert read_info(path).data == (own, "other")
    # And it is handed on by files too.
    assert set(start(after, str(path)).seen) == {own, "other"}
    assert set(start(after, str(second.best)).seen) == {own, "other"}
    assert start(after, "none").seen == ()


def test_a_training_may_leave_out_blocks_of_what_it_starts_from(recipe: Recipe, tmp_path: Path) -> None:
    whole = NetConfig(
        backbone="tf_efficientnet_lite0", backbone_stages=2, bins=(1, 2), decoder="fine", widths=(8, 8)
    )
    before = one_epoch(recipe, name="before", net=whole)
    first = Run.create(tmp_path, before)
    train(before, first, report=quiet)
    shorter = dataclasses.replace(whole, backbone_without=("1.1",), widths=(8, 6))
    after = one_epoch(
        recipe, name="after", net=shorter, pretrained=str(first.best), fresh=("decoder.steps", "head")
    )
    taken = start(after, str(first.best)).net.state_dict()
    theirs = read_checkpoint(first.best)[0].state_dict()
    gone = {name for name in theirs if name not in taken}
    assert gone
    assert all(name.startswith("backbone.body.blocks.1.1.") for name in gone)
    same = [name for name in taken if not name.startswith(("decoder.steps", "head"))]
    assert all(torch.equal(taken[name], theirs[name]) for name in same)
    without_fresh = dataclasses.replace(
        after, net=dataclasses.replace(whole, backbone_without=("1.1",)), fresh=()
    )
    assert len(start(without_fresh, str(first.best)).net.state_dict()) == len(taken)


WHOLE = NetConfig(
    backbone="tf_efficientnet_lite0", backbone_stages=2, bins=(1, 2), decoder="fine", widths=(12, 8)
)
NARROW = dataclasses.replace(WHOLE, backbone_hidden=(24, 80, 128), widths=(8, 8))


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_a_training_may_start_from_a_wider_network(recipe: Recipe, tmp_path: Path, suffix: str) -> None:
    before = one_epoch(recipe, name="before", net=WHOLE)
    first = Run.create(tmp_path, before)
    train(before, first, report=quiet)
    path = first.best
    if suffix == ".onnx":
        path = tmp_path / "before.onnx"
        export(read_checkpoint(first.best)[0], before, path)
    # With no learning at all, what is left is what the channels that are gone were worth, and the batch norms' measuring.
    still = one_epoch(
        recipe, name="still", net=NARROW, pretrained=str(path), backbone_rate=0.0, head_rate=0.0, ema=0.0
    )
    begun = start(still, str(path))
    assert begun.wide is not None
    assert [one.width for one in hidden_channels(begun.wide)] == [32, 96, 144, 12, 12]
    assert [one.width for one in hidden_channels(begun.net)] == [24, 80, 128, 8, 8]
    said: list[str] = []
    second = Run.create(tmp_path, still)
    train(still, second, report=said.append)
    assert said[0] == "leaving hidden channels out, by what they are worth on training photos"
    assert re.fullmatch(
        r"hidden channels left out in 5 places, where [\d.]+% of what \S+ hands on is lost at most", said[1]
    )
    net, trained, _ = read_checkpoint(second.best)
    assert trained.net == NARROW
    photo = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        theirs = read_checkpoint(first.best)[0].eval()(photo)
        assert (net.eval()(photo) - theirs).abs().mean() < 0.5 * theirs.std() + 0.1
    # What it became is a start as any other: nothing is left out again.
    assert start(still, str(second.best)).wide is None


def test_imagenet_weights_are_narrowed_too(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    save_file(body, tmp_path / "tf_efficientnet_lite0_imagenet.safetensors")
    monkeypatch.setenv("HAIRSEG_WEIGHTS", str(tmp_path))
    narrow = one_epoch(recipe, name="narrow", net=NARROW, pretrained="imagenet")
    begun = start(narrow, "imagenet")
    assert begun.wide is not None
    assert [one.width for one in hidden_channels(begun.wide)] == [32, 96, 144, 8, 8]
    run = Run.create(tmp_path, narrow)
    train(narrow, run, report=quiet)
    assert [one.width for one in hidden_channels(read_checkpoint(run.best)[0])] == [24, 80, 128, 8, 8]
    whole = one_epoch(recipe, name="whole", net=WHOLE, pretrained="imagenet")
    assert start(whole, "imagenet").wide is None


def test_a_wider_network_than_the_start_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    before = one_epoch(recipe, name="before", net=NARROW)
    first = Run.create(tmp_path, before)
    train(before, first, report=quiet)
    after = one_epoch(recipe, name="after", net=WHOLE, pretrained=str(first.best))
    with pytest.raises(UsageError, match="channels can be taken away, and not added; lower it"):
        train(after, Run.create(tmp_path, after), report=quiet)


def test_a_recipe_that_goes_on_from_another_trains_both(tmp_path: Path, tiny_data: Path) -> None:
    recipe = read_recipe(write_chain(tmp_path, tiny_data))
    assert Path(recipe.pretrained) == tmp_path / "first.toml"
    said: list[str] = []
    run = Run.create(tmp_path / "runs", recipe)
    train(recipe, run, report=said.append)
    inner = Run(run.folder / "first")
    assert [len(run.lines()), len(inner.lines())] == [2, 2]
    assert [line for line in said if "first" in line] == [f"first first, 2 epochs, in {inner.folder}"]
    by_hand = dataclasses.replace(recipe, pretrained=str(inner.best))
    other = Run.create(tmp_path / "by hand", by_hand)
    train(by_hand, other, report=quiet)
    ours, theirs = (read_checkpoint(one.best)[0].state_dict() for one in (run, other))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_share_of_the_start_is_kept(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)

    def after(keep: float) -> dict[str, torch.Tensor]:
        # One epoch, whose weights are the last ones whatever it scores.
        on = one_epoch(recipe, name=f"keep{keep:g}", pretrained=str(first.best), validate=(), keep=keep)
        run = Run.create(tmp_path, on)
        train(on, run, report=quiet)
        return read_checkpoint(run.best)[0].state_dict()

    start, alone, half = read_checkpoint(first.best)[0].state_dict(), after(0), after(0.5)
    assert any(not torch.equal(start[key], alone[key]) for key in start)
    for key, value in half.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (start[key] + alone[key]) / 2)
        else:
            assert torch.equal(value, alone[key])


def test_a_share_of_an_ancestor_is_kept(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)
    second = one_epoch(recipe, name="second", pretrained=str(first.best), validate=())
    run = Run.create(tmp_path, second)
    train(second, run, report=quiet)

    def after(**more: object) -> dict[str, torch.Tensor]:
        on = one_epoch(recipe, name="third", pretrained=str(run.best), validate=(), **more)
        third = Run.create(tmp_path, on)
        train(on, third, report=quiet)
        return read_checkpoint(third.best)[0].state_dict()

    ancestor, alone = read_checkpoint(first.best)[0].state_dict(), after()
    mixed = after(keep=0.25, keep_of=str(first.best))
    for key, value in mixed.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, 0.25 * ancestor[key] + 0.75 * alone[key])
    assert any(not torch.equal(mixed[key], alone[key]) for key in mixed)


def test_an_ancestor_that_is_a_recipe_is_found_beside_and_trained_first(
    tmp_path: Path, tiny_data: Path
) -> None:
    place = write_chain(tmp_path, tiny_data)
    place.write_text(
        place.read_text().replace("pretrained", 'keep = 0.5\nkeep_of = "first.toml"\npretrained', 1)
    )
    recipe = read_recipe(place)
    assert Path(recipe.keep_of) == tmp_path / "first.toml"
    assert earlier(dataclasses.replace(recipe, pretrained="x.safetensors"))[recipe.keep_of].name == "first"
    run = Run.create(tmp_path / "runs", recipe)
    train(recipe, run, report=quiet)
    start, half = (
        read_checkpoint(one)[0].state_dict() for one in (run.folder / "first" / "best.safetensors", run.best)
    )
    assert start.keys() == half.keys()


def test_two_trainings_from_one_start_are_averaged(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)

    def on(name: str, **more: object) -> Path:
        one = one_epoch(recipe, name=name, pretrained=str(first.best), validate=(), **more)
        run = Run.create(tmp_path, one)
        train(one, run, report=quiet)
        return run.best

    one, other = on("one", seed=1), on("other", seed=2)
    mixed = on("mixed", seed=2, keep=0.5, keep_of=str(one))
    ours, theirs, mean = (read_checkpoint(path)[0].state_dict() for path in (one, other, mixed))
    assert not torch.equal(ours["head.weight"], theirs["head.weight"])
    for key, value in mean.items():
        if value.is_floating_point():
            torch.testing.assert_close(value, (ours[key] + theirs[key]) / 2)


@pytest.mark.parametrize("other", [False, True])
def test_a_resume_still_knows_what_is_kept(recipe: Recipe, tmp_path: Path, other: bool) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)
    two = Stage(epochs=2, size=64, area=(0.6, 1.0), batch=4)
    of = str(first.best) if other else ""
    on = dataclasses.replace(
        recipe, name="on", pretrained=str(first.best), keep=0.4, keep_of=of, stages=(two,)
    )
    whole = Run.create(tmp_path, on)
    train(on, whole, report=quiet)

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    broken = Run.create(tmp_path, on)
    with pytest.raises(KeyboardInterrupt):
        train(on, broken, report=stop)
    first.best.unlink()
    train(on, broken, resume=True, report=quiet)
    assert [line["iou"] for line in broken.lines()] == [line["iou"] for line in whole.lines()]
    ours, theirs = (read_checkpoint(run.best)[0].state_dict() for run in (broken, whole))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keep": 1.0, "pretrained": "hairseg"}, r"keep is 1: give a share from 0"),
        ({"keep": -0.1, "pretrained": "hairseg"}, r"keep is -0.1: give a share from 0"),
        ({"keep": 0.3}, r"keep is 0.3, but not all weights start from a model"),
        (
            {"keep": 0.3, "pretrained": "hairseg", "fresh": ("head",)},
            r"without fresh parts, or leave keep out",
        ),
        ({"keep_of": "first.toml"}, r"keep_of is 'first.toml' beside keep = 0: give a .toml recipe"),
        (
            {"keep": 0.3, "pretrained": "hairseg", "keep_of": "hairseg"},
            r"keep_of is 'hairseg' beside keep = 0.3: give a .toml recipe or a .safetensors checkpoint",
        ),
        (
            {"keep": 0.3, "pretrained": "hairseg", "keep_of": "first.toml"},
            r"keep_of beside pretrained = 'hairseg': .* no two of these have a mean that works; start from a .toml",
        ),
    ],
)
def test_only_a_whole_model_can_be_kept_in_part(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe(name="tiny", **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "epochs"), [("first", 1), ("second", 1)])
def test_a_chain_that_was_killed_goes_on(
    tmp_path: Path, tiny_data: Path, monkeypatch: pytest.MonkeyPatch, name: str, epochs: int
) -> None:
    recipe = read_recipe(write_chain(tmp_path, tiny_data))
    whole = Run.create(tmp_path / "whole", recipe)
    train(recipe, whole, report=quiet)

    runs = tmp_path / "runs"
    run, begun = open_run(recipe, runs)
    assert not begun
    write_state = loop.write_state

    def killed(path: Path, *arguments: object, **facts: object) -> None:
        write_state(path, *arguments, **facts)  # type: ignore[arg-type]
        if (arguments[3].name, facts["epochs"]) == (name, epochs):  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    monkeypatch.setattr(loop, "write_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, run, report=quiet)
    monkeypatch.setattr(loop, "write_state", write_state)

    again, begun = open_run(recipe, runs, resume=True)
    assert again.folder == run.folder
    assert begun is (name == "second")
    train(recipe, again, begun, report=quiet)
    ours, theirs = (read_checkpoint(one.best)[0].state_dict() for one in (again, whole))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_recipes_that_wait_for_each_other(tmp_path: Path, tiny_data: Path) -> None:
    path = write_chain(tmp_path, tiny_data)
    first = tmp_path / "first.toml"
    first.write_text(first.read_text().replace('"none"', '"second.toml"'))
    with pytest.raises(UsageError, match="second: pretrained: second is to be trained before itself"):
        earlier(read_recipe(path))
    first.unlink()
    with pytest.raises(UsageError, match=r"first\.toml: no such recipe"):
        earlier(read_recipe(path))


def test_two_recipes_of_one_name_are_not_taken_for_each_other(tmp_path: Path, tiny_data: Path) -> None:
    """Both would be trained in the folder ``first``, where the one that comes later would find the other done."""
    path = write_chain(tmp_path, tiny_data)
    (tmp_path / "b").mkdir()
    other = tmp_path / "b" / "first.toml"
    text = (tmp_path / "first.toml").read_text()
    path.write_text(f'keep = 0.5\nkeep_of = "{other}"\n' + path.read_text())
    other.write_text("seed = 2\n" + text)
    with pytest.raises(UsageError, match=r"second: .*first\.toml and .*first\.toml are both called first"):
        earlier(read_recipe(path))
    other.write_text(text)
    assert len(earlier(read_recipe(path))) == 2  # one training under two names
    other.write_text('name = "other"\nseed = 2\n' + text)
    assert [first.name for first in earlier(read_recipe(path)).values()] == ["first", "other"]


def test_what_another_recipe_made_does_not_stand_in_for_the_one_that_is_asked_for(
    tmp_path: Path, tiny_data: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    recipe = read_recipe(write_chain(tmp_path, data))
    run = Run.at(tmp_path / "run", recipe)
    train(recipe, run, report=lambda line: None)

    def again() -> None:
        """As after a kill before the first checkpoint."""
        run.last.unlink()
        new = read_recipe(tmp_path / "second.toml")
        train(new, Run.at(run.folder, new), report=lambda line: None)

    again()  # nothing has changed
    first = tmp_path / "first.toml"
    text = first.read_text()
    first.write_text("seed = 77\n" + text)
    with pytest.raises(
        UsageError, match="first was trained here by another recipe, which differs in seed: remove"
    ):
        again()
    first.write_text("workers = 1\n" + text.replace("workers = 0", ""))
    run.last.touch()
    again()  # another number of workers changes nothing
    mask = next((data / "masks").iterdir())
    with Image.open(mask) as image:
        size = image.size
    Image.new("L", size).save(mask)
    with pytest.raises(DataError, match="the photos are not those that this run began with: 1 changed"):
        again()


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("**/*.toml")), ids=lambda path: path.stem)
def test_what_the_recipes_of_this_project_begin_with_is_there(path: Path) -> None:
    if path.parent.name != "ablations":  # grids, which are no recipes
        earlier(read_recipe(path))


def test_teachers_that_wait_for_their_pupil(tmp_path: Path, tiny_data: Path) -> None:
    path = write_chain(tmp_path, tiny_data)
    first = tmp_path / "first.toml"
    first.write_text(first.read_text() + '[distil]\nteachers = ["second.toml"]\n')
    with pytest.raises(UsageError, match="second: pretrained: second is to be trained before itself"):
        earlier(read_recipe(path))


def test_a_recipe_named_twice_is_trained_once(tmp_path: Path, tiny_data: Path) -> None:
    path = write_chain(tmp_path, tiny_data)
    path.write_text(path.read_text() + '[distil]\nteachers = ["first.toml"]\n')
    recipe = read_recipe(path)
    assert recipe.distil.teachers == (str(tmp_path / "first.toml"),)
    assert [first.name for first in earlier(recipe).values()] == ["first"]
    said: list[str] = []
    run = Run.create(tmp_path / "runs", recipe)
    train(recipe, run, report=said.append)
    assert sum("first first" in line for line in said) == 1
    assert "asking 1 teachers about 8 photos" in said


def test_what_two_recipes_of_a_chain_ask_for_is_trained_once(tmp_path: Path, tiny_data: Path) -> None:
    second = write_chain(tmp_path, tiny_data)
    third = tmp_path / "third.toml"
    text = second.read_text().replace('"first.toml"', '"second.toml"')
    third.write_text(text + '[distil]\nteachers = ["first.toml"]\n')
    recipe = read_recipe(third)
    said: list[str] = []
    run = Run.create(tmp_path / "runs", recipe)
    train(recipe, run, report=said.append)
    assert [line.split(",")[0] for line in said if " first, " in line] == ["second first", "first first"]
    assert {path.parent.name for path in run.folder.rglob("best.safetensors")} == {
        run.folder.name,
        "first",
        "second",
    }


@pytest.mark.parametrize("exported", [False, True], ids=["checkpoint", "onnx"])
def test_fresh_parts_start_anew_beside_the_rest(recipe: Recipe, tmp_path: Path, exported: bool) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)
    path = first.best
    net, _, _ = read_checkpoint(path)
    if exported:
        path = tmp_path / "tiny.onnx"
        export(net, recipe, path)
    narrower = dataclasses.replace(recipe.net, bins=(1,))
    with pytest.raises(ModelError):
        start(dataclasses.replace(recipe, net=narrower), str(path))
    begun = start(dataclasses.replace(recipe, net=narrower, fresh=("pyramid", "decoder.reduce")), str(path))
    old, new = net.state_dict(), begun.net.state_dict()
    taken = [name for name in new if not name.startswith(("pyramid", "decoder.reduce"))]
    assert {name.split(".")[0] for name in taken} == {"backbone", "decoder", "head"}
    if exported:
        assert torch.allclose(old["head.weight"], new["head.weight"])
        assert {id(conv) for conv, _ in begun.folded}.isdisjoint(
            id(module) for module in [*begun.net.pyramid.modules(), *begun.net.decoder.reduce.modules()]
        )
    else:
        assert all(torch.equal(old[name], new[name]) for name in taken)
    photo = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.isfinite(begun.net.eval()(photo)).all()


def test_what_is_not_there_is_not_taken_for_fresh(recipe: Recipe, tmp_path: Path) -> None:
    first = Run.create(tmp_path, recipe)
    train(recipe, first, report=quiet)
    larger = dataclasses.replace(recipe, net=dataclasses.replace(recipe.net, bins=(1, 2, 4)))
    # The third bin is in neither the file nor the fresh parts.
    with pytest.raises(ModelError):
        start(dataclasses.replace(larger, fresh=("decoder.reduce",)), str(first.best))
    with pytest.raises(
        UsageError, match="no part 'piramid': give the beginning of a name under backbone, pyramid"
    ):
        start(dataclasses.replace(recipe, fresh=("piramid",)), str(first.best))
    with pytest.raises(UsageError, match="fresh goes with pretrained = another model"):
        start(dataclasses.replace(recipe, fresh=("pyramid",)), "imagenet")


@pytest.mark.parametrize(
    ("pretrained", "error", "said"),
    [
        ("imagnet", UsageError, "use imagenet, none, a packaged model's name, an exported .onnx file"),
        ("missing.onnx", ModelError, "the model file missing.onnx does not exist"),
        ("missing.safetensors", ModelError, "missing.safetensors: no such checkpoint"),
        ("hairseg-small", ModelError, "give the float model of the same"),
    ],
)
def test_a_start_that_is_none(
    recipe: Recipe, tmp_path: Path, pretrained: str, error: type[Exception], said: str
) -> None:
    wrong = dataclasses.replace(recipe, pretrained=pretrained)
    run = Run.create(tmp_path, wrong)
    with pytest.raises(error, match=said):
        train(wrong, run, report=quiet)
    assert json.loads((run.folder / "config.json").read_text())["pretrained"] == pretrained
    assert run.lines() == []
