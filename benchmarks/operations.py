"""Which operations of the packaged networks take the time, by ONNX Runtime's own profiler.

    python benchmarks/operations.py [--models hairseg hairseg-small] [--side 416] [--threads 2]

Shares of the time spent in operations, for a square canvas. A convolution whose groups are as many as its channels is
called depthwise. Needs the `onnx` package (extra `train`).
"""

from __future__ import annotations

import argparse
import collections
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime

from hairseg.evaluation.tables import markdown
from hairseg.models import find_model

RUNS = 20
SHOWN = 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", default=["hairseg-int8", "hairseg", "hairseg-small", "pspnet_squeezenet1_1"]
    )
    parser.add_argument("--side", type=int, default=416)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = []
    for name in options.models:
        shares = operations(find_model(name), options.side, options.threads)
        rows.append([name, ", ".join(f"{kind} {share:.0%}" for kind, share in shares[:SHOWN])])
    print(markdown(["network", "operations"], rows))


def operations(path: Path, side: int, threads: int) -> list[tuple[str, float]]:
    """Kinds of operations and their shares of the time, largest first."""
    with TemporaryDirectory() as place:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads
        options.enable_profiling = True
        options.profile_file_prefix = f"{place}/profile"
        # What runs is the optimised graph, whose nodes have other names than the file's.
        options.optimized_model_filepath = f"{place}/optimised.onnx"
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        photo = np.random.default_rng(0).normal(size=(1, 3, side, side)).astype(np.float32)
        for _ in range(RUNS):
            session.run(None, {"photo": photo})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes = onnx.load(f"{place}/optimised.onnx").graph.node
    grouped = {
        node.name for node in nodes for entry in node.attribute if entry.name == "group" and entry.i > 1
    }
    spent: collections.Counter[str] = collections.Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = event["args"]["op_name"]
            if kind.endswith("Conv"):
                depthwise = event["name"].removesuffix("_kernel_time") in grouped
                kind = "depthwise convolutions" if depthwise else "other convolutions"
            spent[kind] += event["dur"]
    total = sum(spent.values())
    return [(kind, duration / total) for kind, duration in spent.most_common()]


if __name__ == "__main__":
    main()
