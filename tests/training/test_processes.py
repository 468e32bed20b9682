"""Training on several processes: real ones, over gloo on this machine, with every number in float64."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.distributed.run import get_args_parser

from hairseg.errors import UsageError
from hairseg.fit import Fit
from hairseg.net import NetConfig
from hairseg.training.batches import Photos
from hairseg.training.norms import SyncedNorm
from hairseg.training.processes import Processes, is_lost, joined
from hairseg.training.recipe import Augment, Recipe, Source, Stage

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
CPU = torch.device("cpu")
NET = NetConfig(
    backbone="test_efficientnet", bins=(1, 2), decoder="fine", widths=(8, 8, 8, 8, 8), pyramid_norm=True
)


def write_photos(folder: Path, classes: int) -> str:
    """Five photos of three sizes; some pixels of three classes are ignored."""
    generator = np.random.default_rng(classes)
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(5):
        height, width = 50 + 7 * (number % 3), 70 - 5 * number
        photo = generator.integers(0, 255, (height, width, 3), np.uint8)
        truth = generator.integers(0, classes, (height, width), np.uint8)
        if classes > 2:
            truth[: 8 * number] = 255
        Image.fromarray(photo).save(folder / "images" / f"{number}.png")
        Image.fromarray(truth).save(folder / "masks" / f"{number}.png")
    return f"folder:{folder}"


def recipes(folder: Path) -> dict[str, Recipe]:
    """Hair with every loss, and a scene by the paper's rules in parts; batches that rotation makes unequal."""
    hair, scene = (
        Source(write_photos(folder / name, classes), "") for name, classes in (("hair", 2), ("scene", 3))
    )
    common: dict[str, Any] = {"fit": Fit("area", 64), "pretrained": "none", "warmup": 0, "workers": 0}
    return {
        "hair": Recipe(
            "hair",
            NET,
            (hair,),
            (hair,),
            (Stage(epochs=2, size=64, area=(0.6, 1.0), batch=2),),
            augment=Augment(rotate=1.0),
            edge=1.0,
            ema=0.5,
            bf16=False,
            **common,
        ),
        "scene": Recipe(
            "scene",
            dataclasses.replace(NET, auxiliary=True, auxiliary_width=8, dropout=0.0, classes=3),
            (scene,),
            (scene,),
            (Stage(epochs=2, size=64, batch=4),),
            augment=Augment(crop="paper", degrees=10),
            optimizer="sgd",
            backbone_rate=0.01,
            head_rate=0.1,
            accumulate=2,
            ema=0.0,
            in_memory=False,
            bf16=False,
            **common,
        ),
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``crowd.py`` saw."""
    folder = tmp_path_factory.mktemp("crowd")
    tables = {name: dataclasses.asdict(recipe) for name, recipe in recipes(folder / "photos").items()}
    (folder / "recipes.json").write_text(json.dumps(tables))
    script = [sys.executable, Path(__file__).with_name("crowd.py"), folder / "recipes.json", folder / "runs"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(script, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


@pytest.mark.parametrize("name", ["hair", "scene"])
def test_two_processes_have_the_losses_of_one_with_twice_the_photos(found: dict[str, Any], name: str) -> None:
    (one,), two = found[f"{name}-1"], found[f"{name}-2"]
    assert len(one["steps"]) > 0
    assert two[0]["steps"] == pytest.approx(one["steps"], rel=1e-4)
    assert [line["loss"] for line in two[0]["lines"]] == pytest.approx(
        [line["loss"] for line in one["lines"]], rel=1e-4
    )
    assert two[1]["steps"] == []  # the first alone tells


@pytest.mark.parametrize("name", ["hair", "scene"])
def test_two_processes_have_exactly_the_scores_of_one(found: dict[str, Any], name: str) -> None:
    (one,), two = found[f"{name}-scores-1"], found[f"{name}-scores-2"]
    assert two == [one, one]
    assert set(one) >= {"iou", "accuracy", "validation_loss"}


def test_what_processes_say_to_each_other(found: dict[str, Any]) -> None:
    first, second = found["meeting"]
    assert first["said"] == ["HairsegError", "the second has no room"]
    assert second["said"][0] == "SaidElsewhereError"
    for one in (first, second):
        assert (one["map"], one["mean"], one["first"]) == ([0, 1, 4, 9, 16], 0.5, 40)


def test_a_killed_process_ends_the_run_with_a_clear_message(found: dict[str, Any]) -> None:
    survivor, dead = found["killed"]
    assert dead == -9
    assert survivor["error"] == "LostProcessError"
    assert "process 0 of 2: another process of the training ended" in survivor["said"]
    assert "--resume" in survivor["said"]


def test_the_run_goes_on_where_the_process_was_killed(found: dict[str, Any]) -> None:
    whole = found["hair-2"][0]
    assert found["before"] == whole["lines"][:1]
    assert found["files"] == [
        "best.safetensors", "config.json", "last.safetensors", "metrics.jsonl", "photos.txt"
    ]  # fmt: skip
    assert found["resumed"][0]["lines"] == whole["lines"]
    assert found["resumed"][0]["steps"] == whole["steps"][2:]


def test_the_command_line_goes_on_with_resume_after_a_killed_process(found: dict[str, Any]) -> None:
    (survivor, dead), (first, second) = found["commanded"]
    assert dead == -9
    assert survivor["code"] == 1
    assert "another process of the training ended" in survivor["said"]
    assert "Traceback" not in survivor["said"]
    assert (first["code"], second["code"]) == (0, 0)
    assert "epoch 2/2" in first["said"]
    assert "epoch 1/2" not in first["said"]
    assert found["commanded lines"] == found["hair-2"][0]["lines"]


def test_a_batch_that_cannot_be_shared(found: dict[str, Any]) -> None:
    assert [one["error"] for one in found["odd"]] == ["UsageError", "SaidElsewhereError"]
    assert "a batch of 3 photos cannot be divided into 1 parts for 2 processes" in found["odd"][0]["said"]


# ---- in one process


def test_each_process_has_its_part_of_every_step(tmp_path: Path) -> None:
    source = Source(write_photos(tmp_path, 2), "", weight=2.0)
    recipe = Recipe("r", NET, (source,), (), (Stage(size=64, batch=8),), accumulate=2, pretrained="none")
    photos = Photos(recipe)
    (stage,) = recipe.stages
    shares = [photos._shares(stage, Processes(rank, 2, CPU)) for rank in range(2)]
    assert shares == [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    assert photos._shares(stage, Processes(0, 1, CPU)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    order = photos.order(0)
    assert photos.names(stage, 0, 0) == [f"images/{index}.png" for _, index in order[:8]]


def test_a_norm_over_one_process_is_batch_norm() -> None:
    """The sums over one process are its own: forward, gradients and running statistics have to agree."""
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(4).double()
    nn.init.uniform_(plain.weight)
    synced = nn.BatchNorm2d(4).double()
    synced.load_state_dict(plain.state_dict())
    synced.__class__ = SyncedNorm
    synced.__dict__["processes"] = Processes(0, 1, CPU)
    x = torch.randn(3, 4, 5, 6, dtype=torch.float64) * 3 + 100
    results = []
    for norm in (plain, synced):
        own = x.clone().requires_grad_()
        norm(own).pow(3).sum().backward()
        results.append([own.grad, norm.weight.grad, norm.running_mean, norm.running_var, norm.eval()(x)])
    for ours, theirs in zip(*results, strict=True):
        assert ours is not None
        assert torch.allclose(ours, theirs, atol=1e-8)


def test_a_launchers_variables_that_are_incomplete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(UsageError, match=r"RANK is '': start it with torchrun"), joined():
        pass
    monkeypatch.setenv("WORLD_SIZE", "1")
    with joined() as processes:
        assert (processes.rank, processes.count) == (0, 1)


def test_several_processes_on_cpus_do_not_fork(tmp_path: Path) -> None:
    source = Source(write_photos(tmp_path, 2), "")
    recipe = Recipe("r", NET, (source,), (), (Stage(size=64, batch=4),), pretrained="none", workers=1)
    batches = Photos(recipe).batches(recipe.stages[0], 0, Processes(0, 2, CPU))
    assert next(batches)[0].shape == (2, 3, 64, 64)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("option", ["--folder", "--runs", "--resume"])
def test_torchrun_leaves_our_options_to_us(option: str) -> None:
    """It takes what abbreviates one of its own, --run for --run-path, even behind the script's name."""
    words = ["-m", "hairseg", "train", "x.toml", option, "y"]
    assert get_args_parser().parse_args(words).training_script_args == words[2:]


def test_other_errors_are_not_taken_for_a_lost_process() -> None:
    assert is_lost(RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1"))
    assert not is_lost(RuntimeError("shape '[2, 3]' is invalid for input of size 5"))


def test_what_mpi_says_is_understood(found: dict[str, Any]) -> None:
    assert found["by mpi"] == found["meeting"]


def test_mpi_on_several_machines_has_to_name_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}
    monkeypatch.setattr("os.environ", said)
    with pytest.raises(UsageError, match="on several machines: set MASTER_ADDR"), joined():
        pass


def test_a_single_process_of_mpi_meets_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {"PMI_SIZE": "1", "PMI_RANK": "0"})
    with joined() as processes:
        assert processes.count == 1
