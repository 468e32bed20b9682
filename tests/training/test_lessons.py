from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from chain import write_chain
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from hairseg.data import IGNORE, open_data, read_item
from hairseg.errors import DataError, ModelError, UsageError
from hairseg.fit import Fit, unfit
from hairseg.net import NetConfig
from hairseg.training.augment import GREY, build_augment, vary
from hairseg.training.batches import Photos
from hairseg.training.checkpoint import read_checkpoint
from hairseg.training.export import export
from hairseg.training.fingerprint import Fingerprint
from hairseg.training.lessons import LESSONS, Lessons, teach
from hairseg.training.loop import train
from hairseg.training.loss import hair_loss, soft_dice
from hairseg.training.predict import predictor
from hairseg.training.processes import Processes
from hairseg.training.recipe import Augment, Distil, Recipe, read_recipe
from hairseg.training.run import Run
from hairseg.training.step import Objective


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, tiny_data: Path) -> tuple[Path, Path]:
    """One network as a checkpoint and as an exported file."""
    folder = tmp_path_factory.mktemp("teacher")
    write_chain(folder, tiny_data)
    recipe = read_recipe(folder / "first.toml")
    run = Run.create(folder, recipe)
    train(recipe, run, report=quiet)
    net, recipe, _ = read_checkpoint(run.best)
    path = folder / "teacher.onnx"
    export(net, recipe, path)
    return run.best, path


def test_an_answer_is_the_mean_of_both_ways(
    teacher: tuple[Path, Path], tiny_data: Path, tmp_path: Path
) -> None:
    dataset = open_data(f"folder:{tiny_data}", "")
    said: list[str] = []
    lessons = teach([str(teacher[0])], [dataset], tmp_path, Processes(), said.append)
    assert said == ["asking 1 teachers about 8 photos"]
    net, recipe, _ = read_checkpoint(teacher[0])
    predict = predictor(net, recipe.fit)
    for index, item in enumerate(dataset.items):
        photo, truth = read_item(item)
        # The second way: the mirrored photo by torch, mirrored back, on the photo's own size.
        wanted = (predict(photo) + predict(np.ascontiguousarray(photo[:, ::-1]))[:, ::-1]) / 2
        canvas = np.asarray(Image.open(lessons.place(dataset, item)), np.float32) / 255
        np.testing.assert_allclose(unfit(canvas, *truth.shape), wanted, atol=0.02)
        both = lessons.beside(torch.from_numpy(truth), dataset, index)
        assert both.shape == (2, *truth.shape)
        assert torch.equal(both[0], torch.from_numpy(truth))
        np.testing.assert_allclose(both[1].numpy() / 255, wanted, atol=0.03)


def test_teachers_are_asked_on_the_sizes_of_the_recipe(
    tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Fit("area", 96)

    def run(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        # Says by its answer how large the canvas was.
        return np.full(canvas.shape[:2], 0.2 if canvas.size < 3 * 96 * 96 else 0.9, np.float32)

    monkeypatch.setattr("hairseg.training.lessons._teacher", lambda name: (run, own))
    dataset = open_data(f"folder:{tiny_data}", "")
    lessons = teach(["one", "two"], [dataset], tmp_path, Processes(), quiet, (64, 160))
    for item in dataset.items:
        _, truth = read_item(item)
        with Image.open(lessons.place(dataset, item)) as image:
            assert image.size == Fit("area", 160).canvas_size(*truth.shape)[::-1]
            np.testing.assert_allclose(np.asarray(image, int), 255 * (0.2 + 0.9) / 2, atol=1)


def test_a_size_that_no_canvas_has() -> None:
    with pytest.raises(UsageError, match=r"canvas size 20 .* is out of range: use 64 to 2048 pixels"):
        Distil(("hairseg",), sizes=(416, 20))


def test_a_checkpoint_and_its_export_say_the_same(
    teacher: tuple[Path, Path], tiny_data: Path, tmp_path: Path
) -> None:
    dataset = open_data(f"folder:{tiny_data}", "")
    ways = [teach([str(path)], [dataset], tmp_path / path.suffix[1:], Processes(), quiet) for path in teacher]
    for item in dataset.items:
        one, other = (np.asarray(Image.open(way.place(dataset, item)), int) for way in ways)
        assert abs(one - other).max() <= 1


def test_teachers_are_asked_once(
    teacher: tuple[Path, Path], tiny_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_data(f"folder:{tiny_data}", "")
    lessons = teach([str(teacher[1])], [dataset], tmp_path, Processes(), quiet)
    gone = lessons.place(dataset, dataset.items[3])
    before = gone.read_bytes()
    gone.unlink()
    said: list[str] = []
    teach([str(teacher[1])], [dataset], tmp_path, Processes(), said.append)
    assert said == ["asking 1 teachers about 1 photos"]
    assert gone.read_bytes() == before
    # And nobody is needed where everything has been said.
    teach(["nobody.onnx"], [dataset], tmp_path, Processes(), said.append)
    assert len(said) == 1


def test_an_answer_about_a_photo_that_was_another_is_none(
    teacher: tuple[Path, Path], tiny_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_data, data)
    dataset = open_data(f"folder:{data}", "")
    said: list[str] = []

    def asked() -> list[bytes]:
        digests = Fingerprint([dataset], Processes()).digests
        lessons = teach([str(teacher[1])], [dataset], tmp_path / "run", Processes(), said.append, (), digests)
        return [lessons.place(dataset, item).read_bytes() for item in dataset.items]

    before = asked()
    assert asked() == before
    assert said == ["asking 1 teachers about 8 photos"]
    with Image.open(dataset.items[2].photo) as image:
        other = image.convert("RGB").transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    other.save(dataset.items[2].photo)
    after = asked()
    assert said[1:] == ["asking 1 teachers about 1 photos"]
    assert [index for index in range(8) if after[index] != before[index]] == [2]


def test_what_is_asked_is_settled_before_the_first_answer(
    teacher: tuple[Path, Path], tiny_data: Path, tmp_path: Path
) -> None:
    """Of two processes the second looks when the first has answered already: each still does its half."""
    dataset = open_data(f"folder:{tiny_data}", "")
    told: list[object] = []

    class One(Processes):
        """A process of two, which runs alone and hands on what the first found."""

        def agree(self, function):  # type: ignore[no-untyped-def]
            return function()

        def from_first(self, function):  # type: ignore[no-untyped-def]
            if self.first:
                told.append(function())
            return told[0]

    for rank in range(2):
        teach([str(teacher[1])], [dataset], tmp_path, One(rank, 2), quiet)
    assert all(Lessons(tmp_path).place(dataset, item).is_file() for item in dataset.items)


def test_two_folders_of_one_name_do_not_share_their_answers(
    teacher: tuple[Path, Path], tiny_data: Path, tmp_path: Path
) -> None:
    sets = []
    for parent in ("a", "b"):
        shutil.copytree(tiny_data, tmp_path / parent / "hair")
        sets.append(open_data(f"folder:{tmp_path / parent / 'hair'}", ""))
    with pytest.raises(
        UsageError, match="would be one file, since they and their data folders are called the same"
    ):
        teach([str(teacher[0])], sets, tmp_path / "lessons", Processes(), quiet)
    assert not (tmp_path / "lessons").exists()
    teach(
        [str(teacher[0])], [sets[0], sets[0]], tmp_path / "lessons", Processes(), quiet
    )  # the same photos twice


def test_nobody_is_asked_about_a_photo_without_hair(teacher: tuple[Path, Path], tmp_path: Path) -> None:
    data = tmp_path / "data"
    for name, value in (("images", 200), ("masks", 0)):
        (data / name).mkdir(parents=True)
        mode = "RGB" if name == "images" else "L"
        Image.new(mode, (80, 60), (value,) * 3 if mode == "RGB" else value).save(data / name / "bald.png")
    dataset = open_data(f"folder:{data}", "")
    lessons = teach([str(teacher[1])], [dataset], tmp_path / "lessons", Processes(), quiet)
    both = lessons.beside(torch.zeros(60, 80, dtype=torch.uint8), dataset, 0)
    assert both.shape == (2, 60, 80)
    assert not both.any()


def test_an_answer_is_varied_as_photo_and_mask_are() -> None:
    generator = torch.Generator().manual_seed(0)
    answer = torch.randint(256, (90, 120), generator=generator, dtype=torch.uint8)
    photo = answer.expand(3, -1, -1).contiguous()
    truth = (answer > 127).to(torch.uint8)
    still = Augment(rotate=0, color=0, grey=0, blur=0, jpeg=0)
    for seed in range(8):
        transform = build_augment(64, (0.3, 1.0), still)
        alone_photo, alone = vary(transform, photo, truth, seed)
        both_photo, both = vary(transform, photo, torch.stack([truth, answer]), seed)
        assert torch.equal(alone_photo, both_photo)
        assert torch.equal(both[0], alone)
        # In between values, as of the photo; a mask has none.
        assert torch.equal(both[1], both_photo[0])
        turned, seen = vary(
            build_augment(64, (0.3, 1.0), dataclasses.replace(still, rotate=1.0)),
            photo,
            torch.stack([truth, answer]),
            seed,
        )
        assert ((seen[0] == IGNORE) == (turned == GREY[0]).all(dim=0)).float().mean() > 0.95


def test_the_loss_follows_the_teachers_by_their_share(recipe: Recipe) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 1, 8, 8)
    truth = torch.randint(2, (2, 8, 8), dtype=torch.uint8)
    truth[0, :2] = 255
    answer = torch.randint(256, (2, 8, 8), dtype=torch.uint8)
    known = truth != 255

    class Given(torch.nn.Module):
        auxiliary = None

        def forward(self, photo: torch.Tensor) -> torch.Tensor:
            return logits

    for share in (0.0, 0.3, 1.0):
        objective = Objective(
            Given(),  # type: ignore[arg-type]
            dataclasses.replace(recipe, dice=0.5, distil=Distil(("x.onnx",), share)),
            Processes(),
        )
        found = objective(torch.zeros(2, 3, 8, 8), torch.stack([truth, answer], dim=1))
        goal = (1 - share) * (truth == 1).float() + share * answer.float() / 255
        entropy = F.binary_cross_entropy(torch.sigmoid(logits[:, 0])[known], goal[known])
        overlap = soft_dice(torch.sigmoid(logits[:, 0]), (truth == 1).float(), known.float())
        torch.testing.assert_close(found, entropy + 0.5 * (1 - overlap))
    assert torch.equal(
        Objective(Given(), recipe, Processes())(torch.zeros(2, 3, 8, 8), truth),  # type: ignore[arg-type]
        hair_loss(logits, truth, recipe.dice),
    )


def test_a_training_with_teachers_is_resumed_without_them(
    recipe: Recipe, teacher: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taught = dataclasses.replace(recipe, distil=Distil((str(teacher[1]),), 0.7))
    whole = Run.create(tmp_path / "whole", taught)
    train(taught, whole, report=quiet)
    alone = Run.create(tmp_path / "alone", recipe)
    train(recipe, alone, report=quiet)
    assert [line["loss"] for line in whole.lines()] != [line["loss"] for line in alone.lines()]

    from hairseg.training import loop

    write_state = loop.write_state

    def killed(*arguments: object, **facts: object) -> None:
        write_state(*arguments, **facts)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    run = Run.create(tmp_path / "cut", taught)
    monkeypatch.setattr(loop, "write_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(taught, run, report=quiet)
    monkeypatch.setattr(loop, "write_state", write_state)
    said: list[str] = []
    train(taught, run, resume=True, report=said.append)
    assert not [line for line in said if "asking" in line]
    assert [line["loss"] for line in run.lines()] == [line["loss"] for line in whole.lines()]


def test_answers_of_a_teacher_that_was_trained_first_are_missed_by_name(
    tiny_data: Path, tmp_path: Path
) -> None:
    write_chain(tmp_path, tiny_data)
    recipe = read_recipe(tmp_path / "first.toml", {"distil.teachers": ["second.toml"], "name": "third"})
    run = Run.create(tmp_path / "run", recipe)
    train(recipe, run, report=quiet)
    for place in (run.folder / LESSONS).rglob("*.png"):
        place.unlink()
    with pytest.raises(
        UsageError, match=r"answers of teacher .*second\.toml are missing from the run's folder lessons"
    ):
        train(recipe, run, resume=True, report=quiet)


def test_an_answer_that_is_gone_is_named(recipe: Recipe, tmp_path: Path) -> None:
    photos = Photos(recipe)
    photos.lessons = Lessons(tmp_path / LESSONS)
    with pytest.raises(DataError, match=r"a teacher's answer cannot be read .*: remove it and start"):
        next(photos.batches(recipe.stages[0], 0))


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("somebody", UsageError, "teacher 'somebody' is unknown: use a packaged model's name"),
        ("missing.onnx", ModelError, "missing.onnx does not exist"),
        ("missing.safetensors", ModelError, "missing.safetensors: no such checkpoint"),
    ],
)
def test_a_teacher_that_is_none(
    recipe: Recipe, tmp_path: Path, name: str, error: type[Exception], said: str
) -> None:
    wrong = dataclasses.replace(recipe, distil=Distil((name,)))
    with pytest.raises(error, match=said):
        train(wrong, Run.create(tmp_path, wrong), report=quiet)


def test_a_share_beyond_one() -> None:
    with pytest.raises(UsageError, match=r"distil: share is 1\.5: give a number from 0"):
        Distil(("hairseg",), 1.5)


def test_teachers_know_hair_alone() -> None:
    with pytest.raises(UsageError, match="teachers know hair alone, and the network tells 6 classes apart"):
        Recipe("scene", NetConfig(classes=6), distil=Distil(("hairseg",)))
