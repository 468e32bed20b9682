"""``hairseg video``."""

from __future__ import annotations

import json as json_lines
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hairseg.cli import whole
from hairseg.errors import OutputError, PhotoError, UsageError
from hairseg.hair import Hair
from hairseg.inputs import one_place
from hairseg.kinds import Edge
from hairseg.printable import printable
from hairseg.report import say
from hairseg.save import result_name
from hairseg.streams import is_missing
from hairseg.video_folder import LIST
from hairseg.video_formats import RESULT_NAMES, FormatName, VideoKind, choose_format, ending_for

if TYPE_CHECKING:
    from PIL import Image

    from hairseg.video import VideoReport

_FLAG = Parameter(negative="", show_default=False)
_PLACE = Parameter(allow_leading_hyphen=True)
_TARGET = Parameter(name=("target", "--output", "-o"), allow_leading_hyphen=True)


def video(
    source: Annotated[str, _PLACE],
    /,
    target: Annotated[str | None, _TARGET] = None,
    *,
    kind: Annotated[VideoKind, Parameter(alias="-k")] = "mask",
    color: Annotated[str | None, Parameter(alias="-c")] = None,
    strength: float | None = None,
    tips: str | None = None,
    lift: float | None = None,
    edge: Edge | None = None,
    memory: float = 0.2,
    seconds: float | None = None,
    no_sound: Annotated[bool, _FLAG] = False,
    format: FormatName | None = None,
    raw: str | None = None,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    threshold: float | None = None,
    min_area: float = 0.0,
    fill_holes: Annotated[bool, _FLAG] = False,
    threads: Annotated[int | None, Parameter(converter=whole)] = None,
    force: Annotated[bool, Parameter(alias="-f", negative="", show_default=False)] = False,
    json: Annotated[bool, _FLAG] = False,
    quiet: Annotated[bool, Parameter(alias="-q", negative="", show_default=False)] = False,
) -> int:
    """Mask, tint, cut out or dye the hair in a video: clip.mp4 -> clip.hair.mp4.

    Sound, frame times and rotation stay as they are. Cutouts need transparency: .webm, .mov, .mkv or a folder/.

    Parameters
    ----------
    source
        A video; - for standard input; webcam or webcam:NAME, recorded until Ctrl-C.
    target
        A file whose ending says the format; a folder/ for one PNG per frame; or - for standard output. Default:
        beside the video.
    kind
        What is written: mask, overlay, cutout or recolor.
    color
        Of an overlay or of dyed hair: #rrggbb, a CSS name or a swatch such as "honey blonde".
    strength
        Opacity of an overlay (0.5), or how much of the dye's colour is reached (1).
    tips
        A second colour of dyed hair, at the ends.
    lift
        How far dyed hair follows the colour's lightness: 1 bleaches black hair to blonde, 0 only tints.
    edge
        hard: hair or not. soft: shares of hair that follow single strands. Default: hard for masks and
        overlays, soft for cutouts and dyed hair.
    memory
        Seconds over which still parts are steadied; 0 takes every frame for itself.
    seconds
        Stop after so much of the video.
    no_sound
        Leave the sound out.
    format
        mp4, mov, mkv, webm, y4m, raw (RGB, RGBA or grey pixels) or png, where the target's name does not say it.
    raw
        WIDTHxHEIGHT@RATE, where the source is RGB pixels without any container.
    model
        Name of a packaged model or path of an .onnx file.
    threshold
        A probability from here on is hair, 0 to 1. Default: the model's own.
    min_area
        Drop pieces below this share of a frame's area, 0 to 1.
    fill_holes
        Count background that hair encloses as hair.
    threads
        Default: all physical cores.
    force
        Replace a result that exists already, instead of keeping it.
    json
        Print one line of JSON when all is done.
    quiet
        Say nothing but failures.
    """
    if not source:
        raise UsageError("an empty name is no video: check the variable or the quotes")
    paint = _paint(kind, color, strength, tips, lift, edge, (min_area, fill_holes))
    place = target or _beside(source, kind, format)
    how = choose_format(place, kind, format)
    _check_place(source, place, json)
    if not force and place != "-" and _exists(place, how.name == "png"):
        if not quiet:
            say(f"{place} exists and is kept: use --force to replace it")
        _tell(json, source, place, "kept", None)
        return 0

    from hairseg.segmenter import Segmenter
    from hairseg.video import segment_video

    try:
        with _progress(quiet or json) as progress:
            report = segment_video(
                source,
                place,
                kind,
                segmenter=Segmenter(model, threads),
                paint=paint,
                threshold=threshold,
                memory=memory,
                sound=not no_sound,
                seconds=seconds,
                format=format,
                raw=raw,
                progress=progress,
            )
    except (PhotoError, OutputError) as error:
        _tell(json, source, place, "failed", None, str(error))
        raise
    if not quiet:
        for note in report.notes:
            say(f"{source}: {note}")
    lost = f"{source}: {report.lost} of its frames could not be decoded; the ones before stand for them"
    if report.lost:
        say(lost)
    elif not quiet and place != "-":
        say(f"{source} -> {place} ({report.frames} frames)")
    _tell(json, source, place, "done", report)
    return 1 if report.lost else 0


def _paint(
    kind: VideoKind,
    color: str | None,
    strength: float | None,
    tips: str | None,
    lift: float | None,
    edge: Edge | None,
    cleaning: tuple[float, bool],
) -> Callable[[Hair], Image.Image]:
    """What is made of each frame; refuses what is wrong or means nothing for this kind."""
    from hairseg.color import parse_color

    fits = {"mask": (), "overlay": ("color", "strength"), "cutout": ()}.get(
        kind, ("color", "strength", "tips", "lift")
    )
    given = {"color": color, "strength": strength, "tips": tips, "lift": lift}
    wrong = [name for name, value in given.items() if value is not None and name not in fits]
    if wrong:
        raise UsageError(f"--{wrong[0]} means nothing for --kind {kind}: leave it out")
    if kind == "recolor" and color is None:
        raise UsageError('--kind recolor needs a colour: for example --color "honey blonde"')
    min_area, fill_holes = cleaning
    for name, share in (("strength", strength), ("lift", lift), ("min-area", min_area)):
        if share is not None and not 0 <= share <= 1:
            raise UsageError(f"--{name} {share} is out of range: use 0 to 1")
    for each in filter(None, (color, tips)):
        parse_color(each)

    def paint(hair: Hair) -> Image.Image:
        if min_area or fill_holes:
            hair = hair.cleaned(min_area, fill_holes)
        if kind == "mask":
            return hair.mask_image(edge or "hard")
        if kind == "cutout":
            return hair.cutout(edge=edge or "soft")
        if kind == "overlay":
            return hair.overlay(
                color or "#e5484d", 0.5 if strength is None else strength, edge=edge or "hard"
            )
        full, most = 1.0 if strength is None else strength, 1.0 if lift is None else lift
        return hair.recolor(color or "", full, tips=tips, lift=most, edge=edge or "soft")

    return paint


def _beside(source: str, kind: VideoKind, format: FormatName | None) -> str:
    """Where the result goes when nothing is said."""
    if source == "-":
        return "-"
    path = Path(source)
    if not path.name:  # as that of . and of /
        raise PhotoError(f"{printable(source)} is a folder: name a video in it")
    if not path.exists() or path.is_char_device():
        path = Path("webcam")  # beside nothing: what a camera sees goes into the working folder
    name = path.name
    if format == "png":
        return os.fspath(path.with_name(result_name(name, RESULT_NAMES[kind], ""))) + "/"
    return os.fspath(
        path.with_name(result_name(name, RESULT_NAMES[kind], ending_for(path.suffix, kind, format)))
    )


def _check_place(source: str, place: str, json: bool) -> None:
    """Refuse to write over the video itself, onto a terminal, or data among JSON."""
    if place == "-":
        if json:
            raise UsageError("--json writes to standard output too: give the video a file")
        if is_missing(sys.stdout):
            raise UsageError("standard output is closed: name a file")
        if sys.stdout.isatty():
            raise UsageError("standard output is a terminal: name a file, or send it on with | or >")
    elif source != "-" and one_place(Path(source)) == one_place(Path(place)):
        raise UsageError(f"the result would replace the video {printable(source)}: choose another name")


def _exists(place: str, folder: bool) -> bool:
    """Whether the result is there already, whole."""
    try:
        return (Path(place) / LIST if folder else Path(place)).exists()
    except OSError:  # an impossible name: writing will say so
        return False


def _tell(
    json: bool, source: str, place: str, status: str, report: VideoReport | None, error: str | None = None
) -> None:
    """The line of JSON."""
    if not json:
        return
    line: dict[str, object] = {"video": source, "status": status}
    if error is not None:
        line["error"] = error
    line["output"] = None if status == "failed" else place
    if report is not None:
        line |= {"frames": report.frames, "lost": report.lost, "notes": list(report.notes)}
    print(json_lines.dumps(line), flush=True)


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int | None], None] | None]:
    """A bar with frames, rate and time left on standard error, where that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    rate = TextColumn("{task.fields[rate]:.1f} frames/s")
    columns = (BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate=0.0)

        def progress(done: int, of: int | None) -> None:
            # `of` is a guess for some containers: the bar is never full before the end.
            total = None if of is None else max(of, done)
            bar.update(task, completed=done, total=total, rate=bar.tasks[0].speed or 0.0)

        yield progress
