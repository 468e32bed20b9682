"""What is kept of each photo of an evaluation, and of the model beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean

from hairseg.evaluation.metrics import Counts


@dataclass(frozen=True)
class PhotoScore:
    """One photo.

    Attributes:
        name: the photo's name in its data set.
        style: hairstyle, or an empty string.
        counts: pixels at the report's threshold.
        grey: the same for the photo turned to grey.
        loss: binary cross-entropy, mean over the photo's pixels, in nats.
        boundary: boundary F-score in [0, 1].
        milliseconds: of the one prediction on the coloured photo.
        views: the counts of the photo as ``hairseg.evaluation.views`` has it, by name; empty in reports of before.
    """

    name: str
    style: str
    counts: Counts
    grey: Counts
    loss: float
    boundary: float
    milliseconds: float
    views: Mapping[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True)
class Area:
    """Pixels of one photo where no hair should be found, and how many of them were called hair."""

    name: str
    style: str
    pixels: int
    found: int

    @property
    def share(self) -> float:
        """``found`` / ``pixels``, in [0, 1]."""
        return self.found / self.pixels if self.pixels else 0.0


def pooled_share(areas: Iterable[Area]) -> float:
    """Share over all photos together, as for beards; 0 without photos."""
    kept = tuple(areas)
    return Area("", "", sum(one.pixels for one in kept), sum(one.found for one in kept)).share


def mean_share(areas: Iterable[Area]) -> float:
    """Share averaged over photos, as for photos without people, so that large ones do not rule; 0 without."""
    shares = [one.share for one in areas]
    return fmean(shares) if shares else 0.0


@dataclass(frozen=True)
class Legacy:
    """The same model under a protocol that older papers and repositories used.

    Attributes:
        name: of the protocol.
        counts: pooled over photos.
        mean_iou: hair IoU averaged over photos.
    """

    name: str
    counts: Counts
    mean_iou: float

    @property
    def two_class_iou(self) -> float:
        """Mean of the IoU of hair and of background: flatters, since background is easy."""
        return (self.counts.iou + self.counts.background_iou) / 2


@dataclass(frozen=True)
class Cost:
    """What the accuracy costs; None where it is not known.

    Attributes:
        parameters: of the network.
        multiply_adds: of one photo at the model's own canvas size.
        file_bytes: of the model file.
        threads: that the model may use.
        peak_memory: largest resident size of this process so far, in bytes: interpreter, photos and scoring
            included.
    """

    parameters: int | None = None
    multiply_adds: int | None = None
    file_bytes: int | None = None
    threads: int | None = None
    peak_memory: int | None = None
