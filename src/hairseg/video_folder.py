"""Pictures -> a folder of PNG files, one for each frame, with a list of when each is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.errors import OutputError
from hairseg.printable import printable
from hairseg.save import encode, write
from hairseg.video_reader import VideoReader

# FFmpeg reads the pictures at their times by it: ffmpeg -i frames.ffconcat film.mp4
LIST = "frames.ffconcat"


class PictureFolder:
    """A folder that is being filled; written like a video.

    Args:
        folder: made if it is not there.
        like: the video that the pictures were made from.

    Attributes:
        notes: what a person should know.
    """

    def __init__(self, folder: Path, like: VideoReader) -> None:
        self._folder = folder
        self._times: list[float] = []
        self._unit = float(like.time_base)
        self._last = float(1 / like.rate)
        self.notes: list[str] = []

    def prepare(self, picture: NDArray[np.uint8]) -> bytes:
        """A picture as a PNG file; may be called from several threads."""
        return encode(Image.fromarray(picture))

    def write(self, data: bytes, pts: int) -> None:
        """Write the next picture; ``pts`` is its time in the time base of the original.

        Raises:
            OutputError: the folder is read-only, or the disk full.
        """
        if not self._times:
            # The list says that a folder is whole: until the new one stands, an older one's would lie.
            with self._told():
                if self._folder.is_dir():
                    (self._folder / LIST).unlink(missing_ok=True)
        self._times.append(pts * self._unit)
        write(data, self._folder / _name(len(self._times)))

    def finish(self) -> None:
        """Write the list of times, and remove what a longer video left."""
        with self._told():
            # Only names that this class gives.
            for path in self._folder.glob("*.png"):
                if (
                    path.stem.isdecimal()
                    and path.name == _name(int(path.stem))
                    and int(path.stem) > len(self._times)
                ):
                    path.unlink()
        lengths = [after - before for before, after in pairwise(self._times)] + [self._last]
        lines = [
            f"file {_name(number)}\nduration {length:.6f}" for number, length in enumerate(lengths, start=1)
        ]
        write("\n".join(["ffconcat version 1.0", *lines, ""]).encode("ascii"), self._folder / LIST)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{printable(self._folder)}: what is there from before cannot be removed ({error.strerror}): name "
                "another folder"
            ) from error

    def abandon(self) -> None:
        """Leave the pictures that are done: each is whole."""


def _name(number: int) -> str:
    """File name of a frame, counted from 1."""
    return f"{number:06d}.png"
