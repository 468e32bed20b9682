"""An ONNX file -> an ONNX Runtime session that is polite to the rest of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hairseg.errors import ModelError
from hairseg.printable import printable

if TYPE_CHECKING:
    import onnxruntime

_FATAL_ONLY = 4


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

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL_ONLY  # what goes wrong is raised; printing it too is noise
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads would otherwise spin, and take their cores from decoding and encoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
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
