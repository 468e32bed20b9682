"""What one evaluation found: the counts of every photo, and every number that follows from them.

A report keeps counts, not only averages, so two reports are compared photo by photo, by a paired bootstrap,
without running anything again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from statistics import fmean, median
from typing import Any

from hairseg.errors import DataError
from hairseg.evaluation.bootstrap import Difference, Interval, difference, interval
from hairseg.evaluation.metrics import Counts, PerPhoto, f1_from_iou, per_photo, pooled
from hairseg.evaluation.scores import Area, Cost, Legacy, PhotoScore, mean_share, pooled_share

PROTOCOL = "figaro-native"
FORMAT = 1
# Far below what chance moves, and so many that a table of four places hardly ever rounds a score twice.
PLACES = 9


@dataclass(frozen=True)
class Report:
    """Everything that the protocol prints about one model on one data set.

    Attributes:
        data: name of the data set, for example ``figaro1k:test``.
        model: name of the model.
        threshold: a pixel is hair where its probability is at least this.
        photos: one entry a photo, in the order of the data set.
        thresholds: (threshold, counts pooled over photos), ascending.
        duplicates: names of photos of ``photos`` that also stand in the training photos.
        beards: marked beard pixels, one entry a marked photo.
        negatives: photos without people, all of their pixels.
        legacy: older protocols, if they were asked for.
        cost: size and memory.
    """

    data: str
    model: str
    threshold: float
    photos: tuple[PhotoScore, ...]
    thresholds: tuple[tuple[float, Counts], ...]
    duplicates: tuple[str, ...] = ()
    beards: tuple[Area, ...] = ()
    negatives: tuple[Area, ...] = ()
    legacy: tuple[Legacy, ...] = ()
    cost: Cost = field(default_factory=Cost)

    @property
    def counts(self) -> Counts:
        """Pooled over all photos: ``counts.iou`` is the headline."""
        return pooled(photo.counts for photo in self.photos)

    @property
    def interval(self) -> Interval:
        """95 % bootstrap interval of the headline IoU, over photos."""
        return interval([photo.counts for photo in self.photos])

    @property
    def loss(self) -> float:
        """Binary cross-entropy, mean over photos, in nats."""
        return fmean(photo.loss for photo in self.photos)

    @property
    def per_photo(self) -> PerPhoto:
        """Spread of IoU over photos."""
        return per_photo([photo.counts.iou for photo in self.photos])

    @property
    def worst(self) -> PhotoScore:
        """The photo with the lowest IoU."""
        return min(self.photos, key=lambda photo: photo.counts.iou)

    @property
    def styles(self) -> dict[str, Counts]:
        """Counts pooled over the photos of each hairstyle, in the order of the data set."""
        names = dict.fromkeys(photo.style for photo in self.photos if photo.style)
        return {name: pooled(p.counts for p in self.photos if p.style == name) for name in names}

    @property
    def boundary(self) -> float:
        """Boundary F-score, averaged over photos."""
        return fmean(photo.boundary for photo in self.photos)

    @property
    def grey(self) -> Difference:
        """Pooled IoU of the grey photos minus that of the coloured ones, paired."""
        return difference([p.counts for p in self.photos], [p.grey for p in self.photos])

    @property
    def views(self) -> dict[str, Difference]:
        """Pooled IoU of the photos as ``hairseg.evaluation.views`` has them minus that of themselves, paired."""
        own = [photo.counts for photo in self.photos]
        names = [name for name in self.photos[0].views if all(name in photo.views for photo in self.photos)]
        return {name: difference(own, [photo.views[name] for photo in self.photos]) for name in names}

    @property
    def without_duplicates(self) -> tuple[PhotoScore, ...]:
        """The photos that the model cannot have seen in training."""
        return tuple(photo for photo in self.photos if photo.name not in self.duplicates)

    @property
    def best_threshold(self) -> tuple[float, Counts]:
        """The row of ``thresholds`` with the highest IoU; never to be chosen on a test set."""
        return max(self.thresholds, key=lambda row: row[1].iou)

    @property
    def milliseconds(self) -> float:
        """Median time of one prediction, photo in memory to probability in memory."""
        return median(photo.milliseconds for photo in self.photos)

    def scores(self) -> dict[str, float]:
        """The numbers that a model's card and metadata carry, one flat list, rounded to five places."""
        spread, chance, grey = self.per_photo, self.interval, self.grey
        values = {
            "iou": self.counts.iou,
            "iou_low": chance.low,
            "iou_high": chance.high,
            "f1": self.counts.f1,
            "f1_from_iou": f1_from_iou(self.counts.iou),
            "accuracy": self.counts.accuracy,
            "loss": self.loss,
            "per_photo_mean": spread.mean,
            "per_photo_median": spread.median,
            "per_photo_p5": spread.p5,
            "per_photo_worst": spread.worst,
            "boundary_f": self.boundary,
            "grey_difference": grey.value,
            "grey_low": grey.low,
            "grey_high": grey.high,
        }
        values |= {f"{name}_difference": view.value for name, view in self.views.items()}
        values |= {f"iou_{name}": counts.iou for name, counts in self.styles.items()}
        if self.duplicates:
            values["iou_without_duplicates"] = pooled(p.counts for p in self.without_duplicates).iou
        if self.negatives:
            values["hair_without_people"] = mean_share(self.negatives)
        if self.beards:
            values["hair_on_beards"] = pooled_share(self.beards)
        return {name: round(value, PLACES) for name, value in values.items()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the scores, and the counts of every photo that they come from."""
        return {
            "format": FORMAT,
            "protocol": PROTOCOL,
            "data": self.data,
            "model": self.model,
            "threshold": self.threshold,
            "scores": self.scores(),
            "milliseconds": round(self.milliseconds, 2),
            "cost": asdict(self.cost),
            "thresholds": [{"threshold": at} | _counts_to_dict(c) for at, c in self.thresholds],
            "legacy": [
                _counts_to_dict(old.counts)
                | {"name": old.name, "two_class_iou": old.two_class_iou, "mean_iou": old.mean_iou}
                for old in self.legacy
            ],
            "photos": [
                asdict(photo)
                | {"counts": _row(photo.counts), "grey": _row(photo.grey)}
                | {"views": {name: _row(counts) for name, counts in photo.views.items()}}
                for photo in self.photos
            ],
            "duplicates": list(self.duplicates),
            "beards": [asdict(area) for area in self.beards],
            "negatives": [asdict(area) for area in self.negatives],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Report:
        """The inverse of :meth:`to_dict`: only counts are read, every score follows from them.

        Raises:
            DataError: the values are not a report of this format.
        """
        try:
            if values["protocol"] != PROTOCOL or values["format"] != FORMAT:
                raise ValueError(f"protocol {values['protocol']}, format {values['format']}")
            return cls(
                data=values["data"],
                model=values["model"],
                threshold=values["threshold"],
                photos=tuple(_photo(one) for one in values["photos"]),
                thresholds=tuple((one["threshold"], Counts(*one["counts"])) for one in values["thresholds"]),
                duplicates=tuple(values["duplicates"]),
                beards=tuple(Area(**one) for one in values["beards"]),
                negatives=tuple(Area(**one) for one in values["negatives"]),
                legacy=tuple(
                    Legacy(one["name"], Counts(*one["counts"]), one["mean_iou"]) for one in values["legacy"]
                ),
                cost=Cost(**values["cost"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"this is no report that can be read ({error}): write one with `hairseg evaluate --json`"
            ) from error


def _photo(values: Mapping[str, Any]) -> PhotoScore:
    counts = {name: Counts(*values[name]) for name in ("counts", "grey")}
    views = {name: Counts(*row) for name, row in values.get("views", {}).items()}
    return PhotoScore(**{**values, **counts, "views": views})


def compare(first: Report, second: Report) -> Difference:
    """Pooled IoU of ``second`` minus that of ``first``, with a paired bootstrap over photos.

    Raises:
        DataError: the reports are not about the same photos with the same truth.
    """
    a = {photo.name: photo.counts for photo in first.photos}
    b = {photo.name: photo.counts for photo in second.photos}
    odd = [
        name
        for name in sorted(a.keys() | b.keys())
        if name not in a or name not in b or _truth(a[name]) != _truth(b[name])
    ]
    if odd:
        raise DataError(
            f"the reports of {first.model} and {second.model} cannot be compared: {odd[0]} is not in "
            "both with the same true mask; evaluate both on the same data"
        )
    return difference([a[name] for name in sorted(a)], [b[name] for name in sorted(a)])


def _truth(counts: Counts) -> tuple[int, int]:
    """Pixels of true hair and of true background: the same for every model."""
    return counts.tp + counts.fn, counts.fp + counts.tn


def _row(counts: Counts) -> list[int]:
    return [counts.tp, counts.fp, counts.fn, counts.tn]


def _counts_to_dict(counts: Counts) -> dict[str, Any]:
    """The scores for people, the counts for :meth:`Report.from_dict`."""
    scores = {"iou": counts.iou, "f1": counts.f1, "accuracy": counts.accuracy}
    return {name: round(score, PLACES) for name, score in scores.items()} | {"counts": _row(counts)}
