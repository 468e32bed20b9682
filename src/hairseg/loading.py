"""A segmenter that loads while something else is done: arguments are parsed, photos found and decoded."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hairseg.segmenter import Segmenter


@cache
def loading(
    model: str | None = None, threads: int | None = None, *, tta: bool = False, tiles: bool = False
) -> Callable[[], Segmenter]:
    """Begin to load a segmenter, once for the same arguments.

    ONNX Runtime optimises the graph without the interpreter's lock, so this takes no time from the caller where
    there is a second core.

    Args:
        model: see :class:`hairseg.segmenter.Segmenter`.
        threads, tta, tiles: see there.

    Returns:
        A function that waits for the segmenter, and raises what its loading raised.
    """
    return _Coming(model, threads, tta=tta, tiles=tiles).result


class _Coming:
    """A future for one value; importing ``concurrent.futures`` takes longer than all of this."""

    def __init__(self, model: str | None, threads: int | None, **looks: bool) -> None:
        self._segmenter: Segmenter | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._load, args=(model, threads), kwargs=looks, name="hairseg-loading"
        )
        self._thread.start()

    def _load(self, model: str | None, threads: int | None, **looks: bool) -> None:
        try:
            from hairseg.segmenter import Segmenter

            self._segmenter = Segmenter(model, threads, **looks)
        except BaseException as error:  # raised again by whoever asks for the segmenter
            self._error = error

    def result(self) -> Segmenter:
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._segmenter is not None
        return self._segmenter
