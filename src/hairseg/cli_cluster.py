"""``hairseg cluster``."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from hairseg.cli import whole

cluster = App(name="cluster", help="Do photos by the million, on Ray.")

_FLAG = Parameter(negative="", show_default=False)


@cluster.command
def run(
    input: str,
    output: str,
    /,
    *,
    save: Literal["parquet", "files"] = "parquet",
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    threshold: float | None = None,
    workers: int | None = None,
    threads: Annotated[int, Parameter(converter=whole)] = 1,
    block: int = 256,
    column: str = "",
    name_column: str = "",
    retry: Annotated[bool, _FLAG] = False,
    address: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", show_default=False)] = False,
    quiet: Annotated[bool, Parameter(alias="-q", negative="", show_default=False)] = False,
) -> int:
    """Find the hair in all photos of INPUT: a row each in OUTPUT/rows/*.parquet, failures too.

    The same command again goes on where it stopped, and adds what came to INPUT since.

    Parameters
    ----------
    input
        A folder of photos, or of Parquet files that hold them, or one such file; a path or a URL (s3://, gs://,
        abfs://, or any that fsspec knows).
    output
        A folder, by path or URL, that all workers reach.
    save
        parquet: the mask in its row, in COCO's run lengths. files: OUTPUT/masks/ mirrors INPUT.
    model
        Name of a packaged model or path of an .onnx file.
    threshold
        A probability from here on is hair, 0 to 1. Default: the model's own.
    workers
        Processes over the whole cluster. Default: one for every --threads cores.
    threads
        Photos that a worker does at a time, a core each.
    block
        Photos that are handed out and written at a time; so many are done again where a worker is lost.
    column
        With the photos' bytes in Parquet files. Default: bytes, image or a name like these.
    name_column
        With the photos' names. Default: name, path or a name like these, or else the row's number.
    retry
        Also do photos again that failed before.
    address
        Of a Ray cluster, such as auto. Default: RAY_ADDRESS, or this machine alone.
    as_json
        Print the summary as one JSON object.
    quiet
        Say nothing but problems.
    """
    from hairseg.cluster.run import Options, tell
    from hairseg.cluster.run import run as run_all

    options = Options(
        save=save,
        model=model,
        threshold=threshold,
        workers=workers,
        threads=threads,
        block=block,
        columns=(column, name_column),
        retry=retry,
        address=address,
        quiet=quiet,
    )
    return tell(run_all(input, output, options), output, lines=as_json, quiet=quiet)
