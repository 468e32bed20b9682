"""Counts and times for Prometheus, on a registry of our own: several apps in one process do not mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hairseg.serve.desk import Desk

TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """What ``/metrics`` shows.

    Args:
        desk: whose length is shown.
    """

    def __init__(self, desk: Desk) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        inside = Gauge("hairseg_inside", "Photos in work or waiting.", registry=self._registry)
        inside.set_function(lambda: desk.inside)
        places = Gauge(
            "hairseg_places", "Photos that fit inside; the next is refused.", registry=self._registry
        )
        places.set(desk.places)
        self._answers = Counter(
            "hairseg_answers", "Answers by verb and HTTP status.", ["verb", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "hairseg_seconds",
            "Seconds from a request to its answer, by verb.",
            ["verb"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._pixels = Counter("hairseg_pixels", "Pixels of all photos.", registry=self._registry)

    def answered(self, verb: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self._answers.labels(verb, str(status)).inc()
        self._seconds.labels(verb).observe(seconds)

    def seen(self, pixels: int) -> None:
        """Count one photo's pixels; called from worker threads."""
        self._pixels.inc(pixels)

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)
