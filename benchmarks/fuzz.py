"""A hundred thousand damaged files, read by everything that reads.

    python benchmarks/fuzz.py --count 100000 --seed 0 [--workers 2] [--out runs/fuzz] [--only png]

Case number n damages a good file of kind n modulo the number of kinds (tests/hostile/targets.py). A case fails if an
error is not one of hairseg's own, if a message is not safe to print, if reading takes over 10 s of processor time
(or 300 s of waiting), needs over 1 GiB beyond what the process had, or ends the process. Failing files are kept in
OUT. The same command again goes on where it stopped; exit code 1 says that there are failures.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CPU_SECONDS, WALL_SECONDS, GIB = 10, 300, 1 << 30
CHUNK = 2000


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--only", help="one kind of file")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options)
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    record = options.out / f"seed{options.seed}{'-' + options.only if options.only else ''}.jsonl"
    done = {line["start"]: line for line in lines_of(record)}
    todo = [start for start in range(0, options.count, CHUNK) if start not in done]
    if done:
        print(f"{len(done)} chunks of {CHUNK} are done already", flush=True)
    with record.open("a", encoding="utf-8") as file:
        for number, line in enumerate(chunks(todo, options), 1):
            done[line["start"]] = line
            file.write(json.dumps(line) + "\n")
            file.flush()
            bad = sum(len(one["failures"]) for one in done.values())
            print(f"\r{number} of {len(todo)} chunks, {bad} failures", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return summarise([done[start] for start in sorted(done) if start < options.count], options)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """What an earlier run noted; a last line cut short does not count."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def chunks(todo: list[int], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Every chunk's line, from several processes side by side."""
    waiting, running = list(todo), []
    while waiting or running:
        while waiting and len(running) < options.workers:
            running.append(Chunk(waiting.pop(0), options))
        for chunk in running[:]:
            if chunk.ended():
                running.remove(chunk)
                yield chunk.line()
        time.sleep(0.05)


class Chunk:
    """A few hundred cases in a process that may die of them."""

    def __init__(self, start: int, options: argparse.Namespace) -> None:
        self.start, self.options = start, options
        self.stop = min(start + CHUNK, options.count)
        self.failures: list[dict[str, Any]] = []
        self.seconds, self.peak = 0.0, 0
        self.log = options.out / f".chunk-{options.seed}-{start}"
        self.begin(start)

    def begin(self, first: int) -> None:
        """Start a process at a case."""
        self.log.write_text("")
        command = [sys.executable, __file__, "--worker", f"{first}:{self.stop}:{self.log}"]
        command += ["--seed", str(self.options.seed), "--out", str(self.options.out)]
        command += ["--only", self.options.only] if self.options.only else []
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.changed, self.size = time.monotonic(), 0

    def ended(self) -> bool:
        """Whether all cases are done; a process that died or hangs is replaced by one that goes on behind."""
        size = self.log.stat().st_size
        if size != self.size:
            self.changed, self.size = time.monotonic(), size
        if self.process.poll() is None and time.monotonic() - self.changed < WALL_SECONDS:
            return False
        hangs = self.process.poll() is None
        if hangs:
            self.process.kill()
        code = self.process.wait()
        notes = lines_of(self.log)
        self.failures += [note for note in notes if note.get("problem")]
        self.seconds += sum(note.get("seconds", 0) for note in notes)
        self.peak = max([self.peak, *(note.get("peak", 0) for note in notes)])
        if notes and notes[-1]["case"] == self.stop - 1 and "seconds" in notes[-1] and not code:
            self.log.unlink()
            return True
        if not notes:
            raise SystemExit(f"a worker does not start (exit code {code}): python {__file__} --worker ...")
        last = notes[-1]
        if "seconds" not in last:  # begun, and never ended
            why = f"over {WALL_SECONDS} s of waiting" if hangs else end_of(code)
            self.failures.append({**last, "problem": why})
        if last["case"] + 1 >= self.stop:
            self.log.unlink()
            return True
        self.begin(last["case"] + 1)
        return False

    def line(self) -> dict[str, Any]:
        """What is noted for good."""
        return {
            "start": self.start,
            "cases": self.stop - self.start,
            "seconds": round(self.seconds, 1),
            "peak": self.peak,
            "failures": self.failures,
        }


def end_of(code: int) -> str:
    """How a process died."""
    if code == -signal.SIGPROF:
        return f"over {CPU_SECONDS} s of processor time"
    return f"the process died ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"


def work(options: argparse.Namespace) -> None:
    """Do some cases; every one is noted before and after, since it may be the last."""
    import warnings

    from hostile.targets import TARGETS, complaint

    warnings.simplefilter("ignore")
    first, stop, log = options.worker.split(":", 2)
    known = [target for target in TARGETS if not target.missing and options.only in (None, target.name)]
    for target in known:  # what they import and build is not their files' doing
        for data in target.seeds:
            complaint(target, data)
    # A file that takes more ends the process, not the machine.
    resource.setrlimit(resource.RLIMIT_AS, (virtual() + 6 * GIB, resource.RLIM_INFINITY))
    with Path(log).open("a", encoding="utf-8") as notes:
        for case in range(int(first), int(stop)):
            target = known[case % len(known)]
            data = target.case(case, options.seed)
            note = {"case": case, "target": target.name}
            print(json.dumps(note), file=notes, flush=True)
            before, begun = reset_peak(), time.process_time()
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            problem = complaint(target, data)
            signal.setitimer(signal.ITIMER_PROF, 0)
            peak = status("VmHWM") - before
            if not problem and peak > GIB:
                problem = f"needs {peak / GIB:.1f} GiB"
            note |= {"seconds": time.process_time() - begun, "peak": peak, "problem": problem}
            if problem:
                kept = options.out / f"seed{options.seed}-{case}-{target.name.replace(' ', '_')}"
                kept.write_bytes(data)
            print(json.dumps(note), file=notes, flush=True)


def status(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) << 10
    return 0


def virtual() -> int:
    return status("VmSize")


def reset_peak() -> int:
    """Forget the most memory that was ever held; returns what is held now."""
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")


def summarise(done: list[dict[str, Any]], options: argparse.Namespace) -> int:
    count = sum(line["cases"] for line in done)
    seconds = sum(line["seconds"] for line in done)
    peak = max((line["peak"] for line in done), default=0)
    failures = [failure for line in done for failure in line["failures"]]
    print(
        f"{count} cases of seed {options.seed}, {seconds:.0f} s of reading, {peak >> 20} MiB at most for one file"
    )
    kinds: dict[tuple[str, str], list[int]] = {}
    for failure in failures:
        # Names, numbers and offsets aside, most problems are a few.
        what = re.sub(r"'[^']*'|\d+", "..", failure["problem"].splitlines()[0])[:80]
        kinds.setdefault((failure["target"], what), []).append(failure["case"])
    for (target, what), cases in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        print(f"{len(cases):6} {target}: {what}, for example case {cases[0]}")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
