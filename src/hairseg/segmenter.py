"""Photo -> probability, by ONNX Runtime: the one path that a photo takes, in production and in evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray

from hairseg.closer import with_closer_look
from hairseg.errors import HairsegError, MissingExtraError, ModelError, PhotoError, UsageError
from hairseg.fit import fit, unfit
from hairseg.fork import ForkSafeLock
from hairseg.hair import Hair
from hairseg.models import ModelInfo, find_model, spelled
from hairseg.network import Network, thread_count
from hairseg.overlap import overlap
from hairseg.photo import Photo, PhotoSource, read_photo
from hairseg.printable import printable
from hairseg.small_heads import with_small_heads
from hairseg.tta import averaged


class Segmenter:
    """Finds hair in photos. One object may be used from several threads at once, and after a fork.

    Sent to another process (pickled) it takes the model's name or path along, and opens the model there.

    Args:
        model: name of a packaged model, path of an ``.onnx`` file that ``hairseg export`` wrote, or None for
            the packaged default.
        threads: that work on a photo, or on the photos of a stream; None for all physical cores.
        tta: average over mirrored and larger photos: better borders for five times the work.
        tiles: look for heads that are small in a large photo too, in overlapping tiles: tens of times the work.
        one_look: look at every photo once. Else hair that is small in its photo is looked at again, closer
            (``closer.py``), for twice to five times the work.
        network: the model and its threads, opened before; ``model`` is not looked at.

    Attributes:
        info: what the model says about itself.
        threads, tta, tiles, one_look: as above.

    Raises:
        ModelError: the model is missing, damaged or not one of ours.
        UsageError: ``threads`` is not a whole number from 1 to 1024.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        threads: int | None = None,
        *,
        tta: bool = False,
        tiles: bool = False,
        one_look: bool = False,
        network: Network | None = None,
    ) -> None:
        self.threads = thread_count(threads)
        self.tta = tta
        self.tiles = tiles
        self.one_look = one_look
        self._network = network or Network(find_model(model), self.threads)
        self.info: ModelInfo = self._network.info
        if len(self.info.classes) != 1:
            raise ModelError(
                f"{printable(self.info.path)} tells {len(self.info.classes)} classes apart and is no hair model: "
                "use `hairseg labels`, or SceneSegmenter of hairseg.scene"
            )
        self._beside_others: Segmenter | None = None
        self._lock = ForkSafeLock()

    def __reduce__(self) -> tuple[Callable[..., Segmenter], tuple[str, int]]:
        make = partial(type(self), tta=self.tta, tiles=self.tiles, one_look=self.one_look)
        return make, (spelled(self.info.path), self.threads)

    def __call__(self, photo: PhotoSource | Photo, *, threshold: float | None = None) -> Hair:
        """Find the hair in one photo.

        Args:
            photo: path, bytes, binary file object, PIL image, uint8 array, or a photo already read.
            threshold: a probability from here on is hair; None for the model's own.

        Raises:
            PhotoError: the photo cannot be read.
        """
        if not isinstance(photo, Photo):
            photo = read_photo(photo)
        return Hair(photo, self.probability(photo.pixels), self.info, threshold)

    def probability(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How sure the model is of hair at each pixel.

        Args:
            photo: (H, W, 3) uint8, sRGB, upright.

        Returns:
            (H, W) float32 in [0, 1].

        Raises:
            UsageError: ``photo`` is something else.
            ModelError: the model does not run on it.
        """
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
            raise UsageError(f"a photo of {photo.dtype} {photo.shape} is not (H, W, 3) uint8: use read_photo")
        how = self.info.fit
        found = self._look(photo)
        if not self.one_look:
            found = with_closer_look(self._look, photo, found, how)
        if self.tiles:
            found = with_small_heads(self.on_canvas, photo, found, how)
        return self.at_full_size(found, photo)

    def _look(self, photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(h, w) float32: what the network says of a photo, or of a part of one, on its canvas."""
        if self.tta:
            return averaged(self.on_canvas, photo, self.info.fit)
        return self.on_canvas(fit(photo, self.info.fit, self.threads))

    def at_full_size(self, found: NDArray[np.float32], photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What was found on a photo's canvas, for its own pixels: with the share that the model gives their colours.

        Args:
            found: (h, w) float32 in [0, 1], as :meth:`on_canvas` gives it, or of any other size.
            photo: (H, W, 3) uint8, sRGB, upright.

        Returns:
            (H, W) float32 in [0, 1].
        """
        height, width = photo.shape[:2]
        probability = unfit(found, height, width, self.threads)
        if self.info.color_share:
            from hairseg.edge import with_colors  # here, since not all models do so

            center, share = self.info.threshold, self.info.color_share
            # A photo of the canvas' size has what was found itself, a smaller one may have Pillow's own memory.
            ours = probability is not found and probability.flags.writeable
            probability = with_colors(photo, probability, center, share, in_place=ours)
        return probability

    def on_canvas(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network alone.

        Args:
            canvas: (h, w, 3) uint8, as :func:`hairseg.fit.fit` gives it.

        Returns:
            (h, w) float32 in [0, 1].

        Raises:
            ModelError: the model does not run on it.
        """
        probability: NDArray[np.float32] = self._network(canvas)[0]
        return probability

    @overload
    def stream(
        self,
        photos: Iterable[PhotoSource | Photo],
        *,
        threshold: float | None = None,
        errors: Literal["raise"] = "raise",
    ) -> Iterator[Hair]: ...

    @overload
    def stream(
        self,
        photos: Iterable[PhotoSource | Photo],
        *,
        threshold: float | None = None,
        errors: Literal["yield"],
    ) -> Iterator[Hair | HairsegError]: ...

    def stream(
        self,
        photos: Iterable[PhotoSource | Photo],
        *,
        threshold: float | None = None,
        errors: Literal["raise", "yield"] = "raise",
    ) -> Iterator[Hair | HairsegError]:
        """Find the hair in many photos, ``threads`` of them at a time.

        Args:
            photos: read lazily, a few ahead; memory stays flat however many there are.
            threshold: as for one photo.
            errors: ``raise`` ends the stream at a photo that cannot be read; ``yield`` gives the error in the
                place of its result and goes on.

        Returns:
            The results in the order of ``photos``.

        Raises:
            PhotoError: a photo cannot be read, and ``errors`` is ``raise``.
        """
        if errors not in ("raise", "yield"):
            raise UsageError(f"errors {errors!r} is unknown: use raise or yield")
        segmenter = self.beside_others()

        def find(photo: PhotoSource | Photo) -> Hair | HairsegError:
            try:
                return segmenter(photo, threshold=threshold)
            except (PhotoError, MissingExtraError) as error:
                if errors == "raise":
                    raise
                return error

        return overlap(find, photos, self.threads)

    def beside_others(self) -> Segmenter:
        """The same model with one thread a photo, for many photos at a time.

        Whole photos side by side waste less than threads that share one photo.
        """
        if self.threads == 1:
            return self
        with self._lock:
            if self._beside_others is None:
                self._beside_others = Segmenter(
                    self.info.path, 1, tta=self.tta, tiles=self.tiles, one_look=self.one_look
                )
            return self._beside_others


def segment(
    photo: PhotoSource | Photo,
    *,
    model: str | os.PathLike[str] | None = None,
    threshold: float | None = None,
) -> Hair:
    """Find the hair in one photo.

    The model is loaded at the first call and kept; for many photos see :meth:`Segmenter.stream`.

    Args:
        photo: path, bytes, binary file object, PIL image or uint8 array.
        model: name of a packaged model, path of an ``.onnx`` file, or None for the packaged default.
        threshold: a probability from here on is hair; None for the model's own.

    Raises:
        PhotoError: the photo cannot be read.
        ModelError: the model is missing, damaged or not one of ours.
    """
    return _kept(None if model is None else os.fspath(model))(photo, threshold=threshold)


@lru_cache(maxsize=2)
def _kept(model: str | None) -> Segmenter:
    """The segmenter of :func:`segment`."""
    return Segmenter(model)
