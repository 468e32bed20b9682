"""``hairseg`` and ``python -m hairseg``: exit codes, and no traceback for what a person can mend."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence

from hairseg.errors import HairsegError

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Args:
        argv: the arguments; None for those of the process.
    """
    try:
        from hairseg.cli import dispatch

        # Pillow warns about photos that it reads all the same; a whole process may be told once to be silent.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        code = dispatch(sys.argv[1:] if argv is None else list(argv))
        sys.stdout.flush()
    except HairsegError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left. Python would complain once more when it closes the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _say(message: str) -> None:
    from hairseg.report import say

    say(message)


if __name__ == "__main__":
    sys.exit(main())
