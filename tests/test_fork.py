"""One segmenter in several processes: forked, spawned, and sent through queues. Each with a limit of time: what goes
wrong here hangs."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hairseg.errors import ModelError
from hairseg.hair import Hair
from hairseg.scene import SceneSegmenter
from hairseg.segmenter import Segmenter
from toys import write_toy_scene_model

Pixels = NDArray[np.uint8]
SECONDS = 120.0

needs_fork = pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="forks on Linux")
# Python warns of a fork beside threads from 3.12 on: that is what is tested.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def segmenter(toy_model: Path, portrait: Pixels) -> Segmenter:
    made = Segmenter(toy_model, threads=2)
    made(portrait)  # its threads have worked
    return made


def find(segmenter: Segmenter, photo: Pixels) -> NDArray[np.float32]:
    return segmenter(photo).probability


def stream(segmenter: Segmenter, photo: Pixels) -> int:
    return len(list(segmenter.stream([photo] * 5)))


def put(queue: Any, segmenter: Segmenter, photo: Pixels) -> None:
    queue.put(segmenter(photo))


def start_methods() -> list[Any]:
    return [pytest.param("fork", marks=needs_fork), "spawn"]


@pytest.mark.parametrize("method", start_methods())
def test_a_pool_of_processes_gets_the_same_answers(
    method: str, segmenter: Segmenter, portrait: Pixels
) -> None:
    context = multiprocessing.get_context(method)
    photos = [np.roll(portrait, shift, axis=1) for shift in range(3)]
    with context.Pool(1) as pool:
        found = pool.map_async(partial(find, segmenter), photos).get(SECONDS)
    for probability, photo in zip(found, photos, strict=True):
        np.testing.assert_array_equal(probability, segmenter(photo).probability)


@pytest.mark.parametrize("method", start_methods())
def test_an_executor_streams(method: str, segmenter: Segmenter, portrait: Pixels) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(stream, segmenter, portrait).result(SECONDS) == 5


@pytest.mark.parametrize("method", start_methods())
def test_a_result_comes_through_a_queue(method: str, segmenter: Segmenter, portrait: Pixels) -> None:
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=put, args=(queue, segmenter, portrait))
    process.start()
    hair = queue.get(timeout=SECONDS)
    process.join(SECONDS)
    assert process.exitcode == 0
    assert isinstance(hair, Hair)
    assert hair.to_dict(rle=True) == segmenter(portrait).to_dict(rle=True)


@needs_fork
def test_locks_that_another_thread_holds_at_the_fork_are_free_in_the_child(
    segmenter: Segmenter, portrait: Pixels
) -> None:
    from hairseg import photo

    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with segmenter._lock, segmenter._network._session._lock, photo._filters:
            held.set()
            done.wait(SECONDS)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(SECONDS)
    process = multiprocessing.get_context("fork").Process(target=stream, args=(segmenter, portrait))
    process.start()
    process.join(SECONDS)
    done.set()
    holder.join()
    hung = process.is_alive()
    process.kill()
    assert not hung
    assert process.exitcode == 0


@needs_fork
@pytest.mark.parametrize("use", [True, False])
def test_a_forked_child_that_ends_like_a_program_ends(use: bool, toy_model: Path) -> None:
    """Not by os._exit, as children of multiprocessing do: then sessions are taken apart, and wait for their threads."""
    code = (
        "import os, sys, numpy as np\n"
        "from hairseg.segmenter import Segmenter\n"
        f"segmenter, photo = Segmenter({str(toy_model)!r}, 2), np.zeros((90, 90, 3), np.uint8)\n"
        "segmenter(photo)\n"
        "child = os.fork()\n"
        f"if child == 0:\n    {'segmenter(photo)' if use else 'pass'}\n    sys.exit(7)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    # A session of its own, so that a child that hangs is ended with its parent.
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], start_new_session=True) as process:
        try:
            assert process.wait(SECONDS) == 7
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            raise


def test_what_travels_is_the_name_and_not_the_weights(packaged_toy: Path, toy_model: Path) -> None:
    data = pickle.dumps(Segmenter(threads=3, tta=True))
    assert len(data) < 1000
    assert str(packaged_toy).encode() not in data
    again = pickle.loads(data)
    assert (again.info.path.name, again.threads, again.tta, again.tiles) == (
        "hairseg-int8.onnx",
        3,
        True,
        False,
    )
    assert pickle.loads(pickle.dumps(Segmenter(toy_model, 1))).info.path == toy_model.absolute()


def test_a_scene_segmenter_travels_too(tmp_path: Path) -> None:
    path = write_toy_scene_model(tmp_path / "scene.onnx")
    again = pickle.loads(pickle.dumps(SceneSegmenter(path, 1)))
    assert [again.info.path, again.threads, len(again.classes)] == [path, 1, 3]


def test_a_model_that_is_gone_is_one_sentence(tmp_path: Path, toy_model: Path) -> None:
    path = tmp_path / "gone.onnx"
    path.write_bytes(toy_model.read_bytes())
    data = pickle.dumps(Segmenter(path, 1))
    path.unlink()
    with pytest.raises(ModelError, match=r"gone\.onnx does not exist"):
        pickle.loads(data)


def test_nothing_is_told_to_the_makers_of_the_runtime() -> None:
    code = "import os, hairseg; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    for given, expected in ((None, "1"), ("0", "0")):
        if given is not None:
            environment["ORT_DISABLE_TELEMETRY"] = given
        ran = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert ran.stdout.strip() == expected


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_the_runtime_starts_no_thread_of_its_own(toy_model: Path) -> None:
    code = (
        "import os\n"
        "from hairseg.segmenter import Segmenter\n"
        f"Segmenter({str(toy_model)!r}, 1)\n"
        "print(len(os.listdir('/proc/self/task')))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "1"
