"""``hairseg`` and ``python -m hairseg``: exit codes, and no traceback for what a person can mend."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from hairseg.errors import HairsegError
from hairseg.streams import open_missing

INTERRUPTED = 130
# What is wrong with a name, a disk or rights, wherever it is met; anything else is a bug, and shows where.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_PLACES = (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.EIO, errno.ENOTDIR)


def process() -> NoReturn:
    """The whole process: :func:`main`, and gone.

    What a run over photos has to close is closed by then. Taking apart the interpreter and the network would be a
    tenth of the time of one photo, so it is left to the system, as long as nobody watches (a profiler, a tracer).
    """
    code = main()
    from hairseg.cli import is_on_photos

    if is_on_photos(sys.argv[1:]) and not _is_watched():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # whoever reads it has left, or the disk is full: main has said so
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _is_watched() -> bool:
    """Whether a profiler, a tracer or a debugger waits for the process' end."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on, cProfile's way too
    tools = [monitoring.get_tool(number) for number in range(6)] if monitoring else []
    return sys.getprofile() is not None or sys.gettrace() is not None or any(tools)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Args:
        argv: the arguments; None for those of the process.
    """
    open_missing()
    try:
        try:
            from hairseg.cli import dispatch

            # Pillow warns about photos that it reads all the same; a whole process may be told once to be silent.
            warnings.filterwarnings("ignore", module=r"PIL\.")
            code = dispatch(sys.argv[1:] if argv is None else list(argv))
            sys.stdout.flush()
        except Exception as error:
            if _is_interrupt(error):
                raise KeyboardInterrupt from error
            raise
    except HairsegError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        # By hand: what says things else may be half imported.
        print("hairseg: interrupted", file=sys.stderr, flush=True)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has left
        _drop_output()
        return 1
    except OSError as error:
        if error.errno not in (*_FULL, *_PLACES):
            raise
        what = "the output" if error.filename is None else os.fsdecode(error.filename)
        if error.errno in _FULL:
            _say(f"{what} cannot be written, the disk is full: make room, and run the same command again")
        else:
            _say(f"{what} cannot be used ({error.strerror}): check its name, its rights and its disk")
        _drop_output()
        return 1
    return code


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt is behind an error: compiled modules that are being imported make an ImportError of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _drop_output() -> None:
    """Python would complain once more when it flushes standard output at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str) -> None:
    from hairseg.report import say

    say(message)


if __name__ == "__main__":
    process()
