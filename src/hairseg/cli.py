"""The command line: verbs -> functions of the library, nothing else.

Annotations stay text until the parser reads them: where what is written is plainly right, as by far most is, no
parser is needed (:mod:`hairseg.cli_quick`), whose import would be a quarter of a photo's time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from hairseg.errors import HairsegError, UsageError
from hairseg.kinds import Edge

if TYPE_CHECKING:
    from cyclopts import App, Parameter

# Verbs that cost nothing until they are used: where they live and what `hairseg --help` says of them.
ELSEWHERE = {
    "video": ("hairseg.cli_video:video", "Mask, overlay, cut out or recolour a video."),
    "serve": ("hairseg.cli_serve:serve", "Open a page and an HTTP service on this machine."),
    "page": ("hairseg.cli_serve:page", "Write the page as plain files for any static host."),
    "labels": ("hairseg.cli_labels:labels", "Tell many classes apart, by a model of your own."),
    "cluster": ("hairseg.cli_cluster:cluster", "Do photos by the million, on Ray."),
    "models": ("hairseg.cli_models:models", "List the packaged models with their scores."),
    "licences": ("hairseg.cli_licences:licences", "List the licences of all that is installed, models too."),
    "doctor": ("hairseg.cli_doctor:doctor", "Check the installation and say what is missing."),
    "train": ("hairseg.cli_training:train", "Train a recipe."),
    "ablate": ("hairseg.cli_ablate:ablate", "Train a grid of variants and say which differences hold."),
    "evaluate": ("hairseg.cli_evaluate:evaluate", "Measure a model on a data set."),
    "export": ("hairseg.cli_training:export", "Turn a checkpoint into an ONNX file for any size."),
    "convert": ("hairseg.cli_convert:convert", "Turn published PSPNet weights into a file of hairseg's."),
    "publish": ("hairseg.cli_training:publish", "Package a checkpoint with its scores and its card."),
    "cost": ("hairseg.cli_cost:cost", "Count a network's parameters and multiply-adds."),
}

# As it is spelled elsewhere -> the verb.
ALIASES = {"licenses": "licences", "recolour": "recolor"}


@dataclass(frozen=True)
class Options:
    """What all verbs on photos share.

    Parameters
    ----------
    output
        A file; a folder, ending in /, that mirrors the tree; or - for standard output. Default: beside the
        photo.
    recursive
        Also look into the folders of folders.
    force
        Replace results that exist already, instead of keeping them.
    model
        Name of a packaged model or path of an .onnx file.
    threshold
        A probability from here on is hair, 0 to 1. Default: the model's own.
    min_area
        Drop pieces below this share of the photo's area, 0 to 1.
    fill_holes
        Count background that hair encloses as hair.
    tta
        Average over mirrored and larger photos: better borders, five times the work.
    tiles
        Look for heads that are small in a large photo too, in tiles: up to sixty times the work.
    one_look
        Look at every photo once. Else hair that is small in its photo is looked at again, closer, for twice to five
        times the work.
    format
        Format of the results that are named by hairseg.
    threads
        Default: all physical cores.
    json
        Print one line of JSON per photo, failures included.
    rle
        Add the mask to the JSON lines, in COCO's compressed run-length encoding.
    quiet
        Say nothing but failures.
    verbose
        Say a line for each photo.
    """

    output: Annotated[str | None, option("-o", allow_leading_hyphen=True)] = None
    recursive: Annotated[bool, flag("-r")] = False
    force: Annotated[bool, flag("-f")] = False
    model: Annotated[str | None, option("-m")] = None
    threshold: float | None = None
    min_area: float = 0.0
    fill_holes: Annotated[bool, flag()] = False
    tta: Annotated[bool, flag()] = False
    tiles: Annotated[bool, flag()] = False
    one_look: Annotated[bool, flag()] = False
    format: Literal["png", "jpg", "webp", "tif", "bmp"] = "png"
    threads: Annotated[int | None, option(converter=whole)] = None
    json: Annotated[bool, flag()] = False
    rle: Annotated[bool, flag()] = False
    quiet: Annotated[bool, flag("-q")] = False
    verbose: Annotated[bool, flag("-v")] = False


DEFAULTS = Options()


def option(alias: str = "", **settings: Any) -> Parameter:
    """How an option is written, for the annotations; ``settings`` are cyclopts' own."""
    from cyclopts import Parameter

    return Parameter(alias=alias or None, **settings)


def flag(alias: str = "") -> Parameter:
    """An option without a value, off by default."""
    return option(alias, negative="", show_default=False)


def whole(_: Any, tokens: Sequence[Any]) -> int:
    """A whole number for the parser, which by itself takes 1.5 for 2."""
    written = tokens[0].value
    try:
        return int(written)
    except ValueError:
        raise ValueError(f"{written!r} is no whole number") from None


def mask(
    *photos: str,
    edge: Edge | None = None,
    soft: Annotated[bool, flag()] = False,
    probability: Annotated[bool, flag()] = False,
    npz: Annotated[bool, flag()] = False,
    options: Annotated[Options, option(name="*")] = DEFAULTS,
) -> int:
    """Write where the hair is: portrait.jpg -> portrait.hair.png, 0 for background and 255 for hair.

    Parameters
    ----------
    photos
        Files, folders, patterns, or - for standard input.
    edge
        hard, the default: hair or not. soft: shares of hair that follow single strands.
    soft
        The same as --edge soft.
    probability
        Write how sure the model is instead.
    npz
        Write the arrays probability and mask as portrait.hair.npz instead.
    """
    from hairseg.run import Work

    if sum((edge == "soft" or soft, probability, npz)) > 1:
        raise UsageError("--soft, --probability and --npz exclude each other: use one")
    if soft and edge == "hard":
        raise UsageError("--soft and --edge hard contradict each other: use one")
    chosen: Edge = "soft" if soft else edge or "hard"

    def picture(hair: Any) -> Any:
        return hair.probability_image() if probability else hair.mask_image(chosen)

    return _run(photos, Work("hair", picture, arrays=npz), options, verb="")


def overlay(
    *photos: str,
    color: Annotated[str, option("-c")] = "#e5484d",
    strength: float = 0.5,
    edge: Edge = "hard",
    options: Annotated[Options, option(name="*")] = DEFAULTS,
) -> int:
    """Tint the hair, to see what was found: portrait.jpg -> portrait.overlay.png.

    Parameters
    ----------
    photos
        Files, folders, patterns, or - for standard input.
    color
        #rrggbb, a CSS name or a swatch such as "honey blonde".
    strength
        Opacity of the colour, 0 to 1.
    edge
        hard: hair or not. soft: shares of hair that follow single strands.
    """
    from hairseg.run import Work

    _check_paint(strength=strength, colors=[color])
    work = Work("overlay", lambda hair: hair.overlay(color, strength, edge=edge))
    return _run(photos, work, options, verb="overlay")


def cutout(
    *photos: str,
    edge: Edge = "soft",
    options: Annotated[Options, option(name="*")] = DEFAULTS,
) -> int:
    """Cut the hair out onto a transparent ground: portrait.jpg -> portrait.cutout.png.

    Parameters
    ----------
    photos
        Files, folders, patterns, or - for standard input.
    edge
        hard: hair or not. soft: shares of hair that follow single strands.
    """
    from hairseg.run import Work

    return _run(photos, Work("cutout", lambda hair: hair.cutout(edge=edge)), options, verb="cutout")


def recolor(
    *photos: str,
    color: Annotated[str, option("-c")],
    strength: float = 1.0,
    tips: str | None = None,
    lift: float = 1.0,
    edge: Edge = "soft",
    options: Annotated[Options, option(name="*")] = DEFAULTS,
) -> int:
    """Dye the hair: portrait.jpg -> portrait.recolor.png.

    Parameters
    ----------
    photos
        Files, folders, patterns, or - for standard input.
    color
        #rrggbb, a CSS name or a swatch such as "honey blonde".
    strength
        0 leaves the photo, 1 gives the colour itself.
    tips
        A second colour at the ends; --color then is that of the roots.
    lift
        How far the lightness follows the colour: 1 bleaches black hair to blonde, 0 only tints.
    edge
        hard: hair or not. soft: shares of hair that follow single strands.
    """
    from hairseg.run import Work

    _check_paint(strength=strength, lift=lift, colors=[color] if tips is None else [color, tips])
    work = Work("recolor", lambda hair: hair.recolor(color, strength, tips=tips, lift=lift, edge=edge))
    return _run(photos, work, options, verb="recolor")


HERE: dict[str, Callable[..., int]] = {
    "mask": mask,
    "overlay": overlay,
    "cutout": cutout,
    "recolor": recolor,
}


def _check_paint(*, colors: Sequence[str], **shares: float) -> None:
    """Refuse wrong colours and numbers before any work starts."""
    from hairseg.color import parse_color

    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise UsageError(f"--{name} {value} is out of range: use 0 to 1")
    for color in colors:
        parse_color(color)


def _run(photos: Sequence[str], work: Any, options: Options, verb: str) -> int:
    """Do the photos of a verb."""
    from hairseg.run import run

    if not photos:
        raise UsageError(f"no photo is named: hairseg {verb + ' ' if verb else ''}PHOTO...")
    for photo in photos:
        _check_verb(photo)
    return run(photos, work, options)


def _check_verb(photo: str) -> None:
    """Refuse what was meant as a verb: no file of that name, but a verb like it."""
    if "." in photo or os.path.lexists(photo):
        return
    import difflib

    near = difflib.get_close_matches(photo, verbs(), n=1, cutoff=0.7)
    if near:
        raise UsageError(
            f"{photo!r} is neither a photo nor a verb: did you mean `hairseg {near[0]}`? Verbs come first"
        )


def verbs() -> list[str]:
    """The verbs that this installation has."""
    return [*HERE, *(verb for verb, (target, _) in ELSEWHERE.items() if _is_there(target))]


def _is_there(target: str) -> bool:
    """Whether ``package.module:function`` exists, looked up without importing what it needs."""
    module, _, function = target.partition(":")
    source = Path(__file__).with_name(module.rpartition(".")[2] + ".py")
    text = source.read_text(encoding="utf-8") if source.exists() else ""
    return f"def {function}(" in text or f"\n{function} = App(" in text


def quick(argv: Sequence[str]) -> tuple[Callable[..., int], list[str], dict[str, Any]] | None:
    """The verb on photos, its photos and its options; None where the parser is to look at the arguments."""
    from hairseg.cli_quick import bind

    if not argv or argv[0] in ELSEWHERE:
        return None
    verb, words = (HERE[argv[0]], argv[1:]) if argv[0] in HERE else (mask, argv)
    bound = bind(verb, Options, words, globals())
    if bound is None or not bound[0] or not {*HERE, *ELSEWHERE}.isdisjoint(bound[0]):
        return None
    return verb, *bound


def build_app() -> App:
    """The parser."""
    import cyclopts

    from hairseg import __version__

    app = cyclopts.App(
        name="hairseg",
        version=__version__,
        help="Find hair in photos: hairseg PHOTO... writes portrait.hair.png beside each photo.",
        help_epilogue="`hairseg VERB --help` tells more. A photo named like a verb: ./mask",
    )
    app.default(mask)
    for order, verb in enumerate(verbs()):
        if verb in HERE:
            app.command(HERE[verb], name=verb, sort_key=order)
        else:
            target, summary = ELSEWHERE[verb]
            app.command(target, name=verb, help=summary, sort_key=order)
    return app


def dispatch(argv: Sequence[str]) -> int:
    """Parse and do; returns the exit code.

    Raises:
        HairsegError: with the exit code of its kind.
    """
    if argv and argv[0] == "help":
        argv = [*argv[1:2], "--help"]
    if argv and argv[0] in ALIASES:
        argv = [ALIASES[argv[0]], *argv[1:]]
    _load_early(argv)
    plainly = quick(argv)
    if plainly is not None:
        verb, photos, settings = plainly
        return verb(*photos, **settings)
    import cyclopts

    app = build_app()
    try:
        command, bound, _ = app.parse_args(_tokens(argv), print_error=False, exit_on_error=False)
    except cyclopts.CycloptsError as error:
        from hairseg.cli_mistakes import explained

        if argv[0] not in verbs():
            _check_verb(argv[0])  # of a verb that is none, no option is known either
        raise UsageError(explained(error, argv)) from error
    if not argv:
        app.help_print([])
        return 0
    result = command(*bound.args, **bound.kwargs)
    return result if isinstance(result, int) else 0


def is_on_photos(argv: Sequence[str]) -> bool:
    """Whether the verb is one of those in this file, or `labels`, which takes photos as they do."""
    return bool(argv) and (argv[0] == "labels" or ALIASES.get(argv[0], argv[0]) not in ELSEWHERE)


def _load_early(argv: Sequence[str]) -> None:
    """Begin to load the default model where it will be needed; the rest is imported meanwhile."""
    from hairseg.loading import loading

    loading.cache_clear()
    elsewhere = (*ELSEWHERE, "-h", "--help", "--version")
    other_model = ("-m", "--model", "--threads", "--tta", "--tiles", "--one-look")
    if argv and not any(word in elsewhere or word.startswith(other_model) for word in argv):
        # As `run` will ask: the cache compares arguments.
        loading(None, None, tta=False, tiles=False, one_look=False)


def _tokens(argv: Sequence[str]) -> list[str]:
    """Arguments for the parser, which takes a lone ``-`` for an option."""
    if argv and argv[0] in ELSEWHERE and argv[0] != "labels":  # which takes photos, as the verbs here do
        return list(argv)
    before = ("", *argv)
    return [
        "/dev/stdin" if word == "-" and last not in ("-o", "--output") else word
        for last, word in zip(before, argv, strict=False)
    ]


__all__ = ["HairsegError", "build_app", "dispatch", "is_on_photos", "quick", "verbs"]
