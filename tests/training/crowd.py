"""Trainings in several real processes over gloo, and the same in one: run as a script, which prints what they gave.

The script imports torch once and forks, which is safe as long as it has computed nothing itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from hairseg.__main__ import main as command_line
from hairseg.errors import HairsegError
from hairseg.net import build
from hairseg.training.batches import Pair, Photos, open_sources
from hairseg.training.loop import train
from hairseg.training.processes import Processes, joined
from hairseg.training.recipe import Recipe
from hairseg.training.run import Run, open_run
from hairseg.training.table import from_table
from hairseg.training.validate import validate

Work = Callable[[Processes], Any]


TORCHRUN = {"RANK": "{rank}", "LOCAL_RANK": "{rank}", "WORLD_SIZE": "{count}", "MASTER_ADDR": "127.0.0.1"}
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "{rank}",
    "OMPI_COMM_WORLD_LOCAL_RANK": "{rank}",
    "OMPI_COMM_WORLD_SIZE": "{count}",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "{count}",
}


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def crowd(count: int, work: Work, folder: Path, meet: bool = True, mpi: bool = False) -> list[Any]:
    """What ``work`` gives in each of ``count`` processes; a signal's negative number where one killed it.

    Without ``meet`` it is left to ``work`` to join the others, and it is told of no processes. With ``mpi`` they are
    told as Open MPI tells them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    children = []
    for rank in range(count):
        child = os.fork()
        if child == 0:
            words = OPEN_MPI if mpi else TORCHRUN
            os.environ |= {name: text.format(rank=rank, count=count) for name, text in words.items()}
            os.environ["MASTER_PORT"] = str(port)
            _work(work, folder / f"{rank}.json", meet)
        children.append(child)
    found: list[Any] = []
    for rank, child in enumerate(children):
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found.append(json.loads((folder / f"{rank}.json").read_text()) if code == 0 else code)
    return found


def _work(work: Work, path: Path, meet: bool) -> None:
    """The life of a forked process."""
    try:
        torch.set_num_threads(1)
        torch.set_default_dtype(torch.float64)
        try:
            with joined() if meet else contextlib.nullcontext(Processes()) as processes:
                result = work(processes)
        except HairsegError as error:
            result = {"error": type(error).__name__, "said": str(error)}
        path.write_text(json.dumps(result))
        os._exit(0)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(1)


def training(recipe: Recipe, folder: Path) -> Work:
    """Train, or go on; gives the loss of each step and the lines of the metrics."""

    def work(processes: Processes) -> dict[str, Any]:
        run, begun = processes.from_first(lambda: open_run(recipe, folder, folder / "run"))
        steps: list[float] = []
        train(
            recipe,
            run,
            begun,
            report=lambda line: None,
            progress=lambda step, total, loss: steps.append(loss),
            processes=processes,
        )
        return {"steps": steps, "lines": [{**line, "seconds": 0} for line in run.lines()]}

    return work


def killed(recipe: Recipe, folder: Path, epoch: int, batch: int) -> Work:
    """The same, but the second process dies in an epoch, before a batch."""

    def work(processes: Processes) -> dict[str, Any]:
        die_at(epoch, batch)
        found: dict[str, Any] = training(recipe, folder)(processes)
        return found

    return work


def die_at(epoch: int, batch: int) -> None:
    """From now on the second process dies there."""
    batches = Photos.batches

    def dying(self: Photos, stage: Any, number: int, processes: Processes) -> Iterator[Pair]:
        for index, pair in enumerate(batches(self, stage, number, processes)):
            if (processes.rank, number, index) == (1, epoch, batch):
                os.kill(os.getpid(), signal.SIGKILL)
            yield pair

    Photos.batches = dying  # type: ignore[method-assign]


def commanded(arguments: list[str], dies: bool) -> Work:
    """The command line, as torchrun starts it in every process; gives its exit code and what it says."""

    def work(_: Processes) -> dict[str, Any]:
        if dies:
            die_at(1, 1)
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = command_line(arguments)
        return {"code": code, "said": said.getvalue()}

    return work


def validating(recipe: Recipe) -> Work:
    """Scores of the first weights."""

    def work(processes: Processes) -> dict[str, float]:
        torch.manual_seed(3)
        net = build(recipe.net)
        return validate(net, recipe.fit, open_sources(recipe.validate, recipe.net.classes), False, processes)

    return work


def meeting(processes: Processes) -> dict[str, Any]:
    """What processes say to each other."""

    def failing() -> int:
        if processes.rank == 1:
            raise HairsegError("the second has no room")
        return processes.rank

    try:
        processes.agree(lambda: processes.agree(failing))  # as a training's beginning reads its data
    except HairsegError as error:
        said = [type(error).__name__, str(error)]
    return {
        "said": said,
        "map": processes.map(lambda number: number * number, range(5)),
        "mean": processes.mean(float(processes.rank)),
        "first": processes.from_first(lambda: processes.rank + 40),
    }


def toml(recipe: Recipe) -> str:
    """A recipe file; JSON's values are TOML's, but for null, which is left out."""
    tables = dataclasses.asdict(recipe)

    def inline(value: Any) -> str:
        if isinstance(value, dict):
            return (
                "{"
                + ", ".join(f"{key} = {inline(one)}" for key, one in value.items() if one is not None)
                + "}"
            )
        if isinstance(value, list | tuple):
            return "[" + ", ".join(map(inline, value)) + "]"
        return json.dumps(value)

    return "".join(f"{key} = {inline(value)}\n" for key, value in tables.items() if value is not None)


def main() -> None:
    """Everything that the tests look at, as one line of JSON."""
    recipes = {
        name: from_table(Recipe, table, name)
        for name, table in json.loads(Path(sys.argv[1]).read_text()).items()
    }
    folder = Path(sys.argv[2])
    found: dict[str, Any] = {"meeting": crowd(2, meeting, folder / "meeting")}
    found["by mpi"] = crowd(2, meeting, folder / "mpi", mpi=True)
    for name, recipe in recipes.items():
        for count in (1, 2):
            place = folder / f"{name}-{count}"
            found[f"{name}-{count}"] = crowd(count, training(recipe, place), place)
            found[f"{name}-scores-{count}"] = crowd(count, validating(recipe), place / "scores")
    recipe = recipes["hair"]
    place = folder / "killed"
    found["killed"] = crowd(2, killed(recipe, place, 1, 1), place)
    found["files"] = sorted(path.name for path in (place / "run").iterdir())
    found["before"] = [{**line, "seconds": 0} for line in Run(place / "run").lines()]
    found["resumed"] = crowd(2, training(recipe, place), place)
    place = folder / "commanded"
    place.mkdir()
    (place / "hair.toml").write_text(toml(recipe))
    train_it = ["train", str(place / "hair.toml"), "--runs", str(place / "runs")]
    found["commanded"] = [
        crowd(2, commanded(train_it, dies=True), place, meet=False),
        crowd(2, commanded([*train_it, "--resume"], dies=False), place, meet=False),
    ]
    (run,) = (place / "runs").iterdir()
    found["commanded lines"] = [{**line, "seconds": 0} for line in Run(run).lines()]
    odd = dataclasses.replace(recipe, stages=(dataclasses.replace(recipe.stages[0], batch=3),))
    found["odd"] = crowd(2, training(odd, folder / "odd"), folder / "odd")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
