"""An ONNX file -> an ONNX Runtime session that is polite to the rest of the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hairseg.errors import ModelError
from hairseg.fork import ForkSafeLock, never_delete, renew_after_fork
from hairseg.printable import printable

if TYPE_CHECKING:
    import onnxruntime

_FATAL_ONLY = 4
# Microseconds. With 50, threads fall asleep during the longer operations; with 1000 nothing is gained.
AWAKE = "200"


def open_session(path: Path, threads: int, optimise: bool = True) -> onnxruntime.InferenceSession:
    """Load a model for the CPU.

    Args:
        path: the ONNX file.
        threads: that work on one photo.
        optimise: fuse and lay out the graph; not worth its time where only the metadata is read.

    Raises:
        ModelError: the file is missing, damaged or no ONNX model.
    """
    import onnxruntime

    if os.environ.get("ORT_DISABLE_TELEMETRY") == "1":
        onnxruntime.disable_telemetry_events()  # for those who have imported it before us
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY  # what goes wrong is raised; printing it too is noise
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Between two operations a thread waits awake, since falling asleep and being woken costs a tenth of the network's
    # time; but never longer than this, and not after a photo: decoding and encoding need its core. (Runtimes that do
    # not know the first limit keep to the second.)
    options.add_session_config_entry("session.intra_op.spin_duration_us", AWAKE)
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # Canvases come in many shapes; a plan of the memory kept for each of them would grow without end.
    options.enable_mem_pattern = False
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # ONNX Runtime has an exception per status code, without a common base of its own.
        reason = printable(str(error).strip().splitlines()[0]) if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{printable(path)} is not a working ONNX model ({reason}): export it with `hairseg export`"
        ) from error


class Session:
    """A session that survives a fork: the child opens one of its own at its first photo.

    Args:
        path: the ONNX file.
        threads: that work on one photo.

    Raises:
        ModelError: the file is missing, damaged or no ONNX model.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self._path, self._threads = path.absolute(), threads
        self._lock = ForkSafeLock()
        self._open: onnxruntime.InferenceSession | None = open_session(path, threads)
        renew_after_fork(self)

    def get(self) -> onnxruntime.InferenceSession:
        """The session of this process.

        Raises:
            ModelError: the file, opened again after a fork, is not there any more.
        """
        session = self._open
        if session is None:
            with self._lock:
                session = self._open = self._open or open_session(self._path, self._threads)
        return session

    def after_fork(self) -> None:
        """Leave the parent's session alone: its threads are not in this process."""
        if self._open is not None:
            never_delete(self._open)
            self._open = None
