"""benchmarks/without_avx512.c: what runs behind it sees a processor of AVX2, and works as before."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "without_avx512.c"
LOOK = """
import sys, threading, torch
looked = []
def look():
    looked.append(torch.backends.cpu.get_cpu_capability())
thread = threading.Thread(target=look)
thread.start()
thread.join()
print(*looked)
"""
CRASH = "import ctypes; ctypes.string_at(0)"

can_fault = Path("/proc/cpuinfo").is_file() and "cpuid_fault" in Path("/proc/cpuinfo").read_text()


@pytest.mark.skipif(
    not (can_fault and shutil.which("gcc")), reason="needs gcc and a processor with cpuid_fault"
)
def test_what_runs_behind_it_takes_avx2(tmp_path: Path) -> None:
    library = tmp_path / "without_avx512.so"
    build = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE)]
    subprocess.run(build, check=True)
    behind = os.environ | {"LD_PRELOAD": str(library)}
    looked = subprocess.run(
        [sys.executable, "-c", LOOK], env=behind, check=True, capture_output=True, text=True
    )
    assert looked.stdout.strip() in ("AVX2", "DEFAULT")  # the latter on processors older than AVX2
    assert not looked.stderr
    # A crash that is none of its business stays one.
    crashed = subprocess.run([sys.executable, "-c", CRASH], env=behind, check=False, capture_output=True)
    assert crashed.returncode == -11
