"""The network alone: canvas -> probability, by ONNX Runtime."""

from __future__ import annotations

import operator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hairseg.cores import MOST_THREADS, physical_cores
from hairseg.errors import ModelError, UsageError
from hairseg.models import ModelInfo, info_of
from hairseg.printable import printable
from hairseg.session import Session

if TYPE_CHECKING:
    import onnxruntime


def thread_count(threads: int | None) -> int:
    """As many as asked for, or one for each physical core.

    Raises:
        UsageError: ``threads`` is not a whole number from 1 to 1024.
    """
    if threads is None:
        return physical_cores()
    try:
        count = operator.index(threads)
    except TypeError:
        raise UsageError(f"threads {threads!r} is no whole number: use 1 to {MOST_THREADS}") from None
    if not 1 <= count <= MOST_THREADS:
        raise UsageError(f"threads {count} is out of range: use 1 to {MOST_THREADS}")
    return count


class Network:
    """An exported network. One object may be used from several threads at once.

    Args:
        path: an ``.onnx`` file that ``hairseg export`` wrote.
        threads: that work on a canvas.

    Attributes:
        threads: as above.
        info: what the model says about itself.

    Raises:
        ModelError: the model is missing, damaged or not one of ours.
    """

    def __init__(self, path: Path, threads: int) -> None:
        self.threads = threads
        self._session = Session(path, threads)
        self.info: ModelInfo = info_of(self._session.get(), path)
        _check_borders(self._session.get(), self.info)
        self._tables = _normalised_levels(self.info)

    def __call__(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The probability of every class.

        Args:
            canvas: (h, w, 3) uint8, as :func:`hairseg.fit.fit` gives it.

        Returns:
            (classes, h, w) float32 in [0, 1]; one class for hair.

        Raises:
            ModelError: the model does not run on it.
        """
        session = self._session.get()
        try:
            (found,) = session.run(["probability"], {"photo": self._normalise(canvas)})
        except Exception as error:
            # As at loading: an exception class per status code.
            reason = printable(str(error).strip().splitlines()[0])
            raise ModelError(f"{printable(self.info.path)} does not run on this photo ({reason})") from error
        if found.shape != (1, len(self.info.classes), *canvas.shape[:2]):
            raise ModelError(
                f"{printable(self.info.path)} gives {found.shape} for a canvas of {canvas.shape[:2]}: "
                "export it again with `hairseg export`"
            )
        probability: NDArray[np.float32] = np.clip(found[0], 0, 1, dtype=np.float32)
        return probability

    def _normalise(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(h, w, 3) uint8 -> (1, 3, h, w) float32: (level / 255 - mean) / std, by a table of all levels."""
        planes = np.empty((1, 3, *canvas.shape[:2]), np.float32)
        for channel, table in enumerate(self._tables):
            # clip never clips a uint8 here; unlike the default mode it needs no copy for a check.
            np.take(table, canvas[:, :, channel], out=planes[0, channel], mode="clip")
        return planes


def _normalised_levels(info: ModelInfo) -> NDArray[np.float32]:
    """(3, 256) float32: what each level of each colour becomes."""
    levels = np.arange(256) / 255.0
    return np.stack([(levels - mean) / std for mean, std in zip(info.mean, info.std, strict=True)]).astype(
        np.float32
    )


def _check_borders(session: onnxruntime.InferenceSession, info: ModelInfo) -> None:
    """Refuse a graph whose input and output are not ours."""
    expected = ([("photo", "tensor(float)", 4)], [("probability", "tensor(float)", 4)])
    try:
        found = tuple(
            [(border.name, border.type, len(border.shape)) for border in borders]
            for borders in (session.get_inputs(), session.get_outputs())
        )
    except UnicodeDecodeError:  # the runtime takes any bytes for a name
        found = ()
    if found != expected:
        raise ModelError(
            f"{printable(info.path)} is not a hairseg model, its input or output is another: "
            "export it with `hairseg export`"
        )
