"""A segmenter that loads while something else is done: arguments are parsed, photos found and decoded."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hairseg.network import Network
    from hairseg.segmenter import Segmenter


@cache
def loading(
    model: str | None = None,
    threads: int | None = None,
    *,
    tta: bool = False,
    tiles: bool = False,
    one_look: bool = False,
) -> Loading:
    """Begin to load a segmenter, once for the same arguments.

    ONNX Runtime optimises the graph without the interpreter's lock, so this takes no time from the caller where
    there is a second core. What the graph needs is imported first, and by the caller: imports hold that lock, and
    two threads that import NumPy at once can meet half of it. All other imports, Pillow's among them, come after.

    Args:
        model: see :class:`hairseg.segmenter.Segmenter`.
        threads, tta, tiles, one_look: see there.

    Returns:
        A function that waits for the segmenter, and raises what its loading raised.
    """
    # Before the runtime, which would print an interrupt of it, and go on with another error.
    import numpy  # noqa: F401
    import onnxruntime  # noqa: F401

    import hairseg.network  # noqa: F401

    return Loading(model, threads, tta=tta, tiles=tiles, one_look=one_look)


class Loading:
    """A future for one segmenter; importing ``concurrent.futures`` takes longer than all of this.

    Called, from any thread, it waits for the segmenter.
    """

    def __init__(self, model: str | None, threads: int | None, **looks: bool) -> None:
        self._network: Network | None = None
        self._error: BaseException | None = None
        self._segmenter: Segmenter | None = None
        self._looks = looks
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._open, args=(model, threads), name="hairseg-loading")
        self._thread.start()

    def _open(self, model: str | None, threads: int | None) -> None:
        from hairseg.models import find_model
        from hairseg.network import Network, thread_count

        try:
            self._network = Network(find_model(model), thread_count(threads))
        except BaseException as error:  # raised again by whoever asks for the segmenter
            self._error = error

    def __call__(self) -> Segmenter:
        """The segmenter, always the same.

        Raises:
            ModelError: the model is missing, damaged or not one of ours.
            UsageError: there are less than one thread.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        assert self._network is not None
        with self._lock:
            if self._segmenter is None:
                from hairseg.segmenter import Segmenter

                network = self._network
                self._segmenter = Segmenter(
                    network.info.path, network.threads, network=network, **self._looks
                )
        return self._segmenter
