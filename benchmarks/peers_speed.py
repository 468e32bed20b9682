"""How long a photo takes, ours and others', in one run on the same photos, in turns.

    python benchmarks/peers_speed.py samples/*.jpg [--peer PATH/mediapipe_hair.py] [--side 1000] [--rounds 7]

Each row takes a decoded photo (H, W, 3) uint8 to a probability at the photo's own size. Ours go their normal way
(``Segmenter``), with one look as in the protocol; the seed's network in torch, segmentation_models.pytorch's PSPNet
(ResNet-18) and torchvision's LR-ASPP (MobileNetV3) run at the default model's canvas, with random weights, by the
runtime named; OpenVINO runs our own file. What is not installed is left out and named. ``--peer`` is a Python file
with ``hair(photo)``, as in ``peers_accuracy.py``. The share of the peak compares multiply-adds with a float32 matrix
product of this machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hairseg.evaluation.tables import markdown
from hairseg.fit import Fit, fit, unfit
from hairseg.models import packaged
from hairseg.photo import read_photo
from hairseg.segmenter import Segmenter

sys.path.insert(0, str(Path(__file__).parent))
from peers_accuracy import load_peer

# Seconds between two predictions: threads of some runtimes spin for a while after their work, on cores that are the
# next row's. They are waited out awake, since a processor that slept begins slowly.
REST = 0.05

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def peak(threads: int) -> float:
    """Multiply-adds a second of a float32 matrix product, by ONNX Runtime, the runtime that is measured."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    side = 1536
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [side, side]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", ends[:2], ends[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    values = np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)
    times = []
    for _ in range(9):
        begun = time.perf_counter()
        session.run(None, {"a": values, "b": values})
        times.append(time.perf_counter() - begun)
    return float(side**3 / statistics.median(times))


def on_canvas(run: Callable[[NDArray[np.float32]], NDArray[np.float32]], how: Fit) -> Predict:
    """A network on (1, 3, h, w) float32 as a function of a photo."""

    def predict(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        canvas = fit(photo, how).astype(np.float32).transpose(2, 0, 1)[None] / 255
        found = run(np.ascontiguousarray(canvas))
        return unfit(np.ascontiguousarray(found[0, 0]), *photo.shape[:2])

    return predict


def seed_in_torch(how: Fit, threads: int) -> Predict:
    import torch

    from hairseg.net import NetConfig, build

    torch.set_num_threads(threads)
    net = build(NetConfig()).eval()

    @torch.inference_mode()
    def run(canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = torch.sigmoid(net(torch.from_numpy(canvas))).numpy()
        return found

    return on_canvas(run, how)


def exported(make: Callable[[], object], how: Fit, threads: int, folder: Path) -> Predict:
    """A torch network of others through ONNX Runtime, for canvases of one size."""
    import onnxruntime
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = make()

        def forward(self, photo: torch.Tensor) -> torch.Tensor:
            found = self.net(photo)  # type: ignore[operator]
            logits: torch.Tensor = found["out"] if isinstance(found, dict) else found
            return torch.sigmoid(logits)

    square = Fit("square", how.size, how.multiple)
    path = folder / f"{len(list(folder.iterdir()))}.onnx"
    side = how.size // how.multiple * how.multiple
    torch.onnx.export(Logits().eval(), (torch.zeros(1, 3, side, side),), path, dynamo=True, verbose=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options)
    name = session.get_inputs()[0].name
    return on_canvas(lambda canvas: session.run(None, {name: canvas})[0], square)


def smp_pspnet(how: Fit, threads: int, folder: Path) -> Predict:
    import segmentation_models_pytorch as smp

    return exported(lambda: smp.PSPNet("resnet18", encoder_weights=None, classes=1), how, threads, folder)


def torchvision_lraspp(how: Fit, threads: int, folder: Path) -> Predict:
    from torchvision.models.segmentation import lraspp_mobilenet_v3_large

    return exported(
        lambda: lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=1),
        how,
        threads,
        folder,
    )


def openvino_on(path: Path, how: Fit, threads: int) -> Predict:
    import openvino

    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_NUM_THREADS": threads})
    return on_canvas(lambda canvas: compiled(canvas)[0], how)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--side", type=int, default=1000, help="longer side of the photos, in pixels")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    photos = [resized(path, options.side) for path in options.photos]
    default = Segmenter(None, options.threads, one_look=True)
    how = default.info.fit
    macs: dict[str, int] = {}
    rows: dict[str, Predict] = {}
    for name in sorted(packaged(), key=lambda name: (name != default.info.name, name)):
        segmenter = Segmenter(name, options.threads, one_look=True)
        rows[name] = segmenter.probability
        macs[name] = segmenter.info.multiply_adds
    with TemporaryDirectory() as place:
        others: dict[str, Callable[[], Predict]] = {
            "the seed's network, torch": lambda: seed_in_torch(how, options.threads),
            "smp PSPNet ResNet-18, ONNX Runtime": lambda: smp_pspnet(how, options.threads, Path(place)),
            "torchvision LR-ASPP, ONNX Runtime": lambda: torchvision_lraspp(
                how, options.threads, Path(place)
            ),
            f"{default.info.name}, OpenVINO": lambda: openvino_on(default.info.path, how, options.threads),
        }
        if options.peer:
            others[options.peer.stem] = lambda: load_peer(options.peer)
        for name, make in others.items():
            try:
                rows[name] = make()
            except ImportError as error:
                print(f"{name}: left out, {error}", file=sys.stderr)
        times = in_turns(rows, photos, options.rounds)
    top = peak(options.threads)
    first = times[default.info.name]
    table = [
        [
            name,
            f"{1000 * seconds:.1f}",
            f"{seconds / first:.2f}x",
            # A canvas in the photo's proportions has about the area that the multiply-adds are stated for.
            f"{macs[name] / seconds / top:.0%}" if name in macs else "",
        ]
        for name, seconds in times.items()
    ]
    print(
        f"{len(photos)} photos of {options.side} px, {options.rounds} rounds, {options.threads} threads; "
        f"peak {2 * top / 1e9:.0f} GFLOP/s in float32"
    )
    print(markdown(["on one photo", "median ms", "ratio", "share of the peak"], table))


def resized(path: Path, side: int) -> NDArray[np.uint8]:
    pixels = read_photo(path).pixels
    scale = side / max(pixels.shape[:2])
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def in_turns(rows: dict[str, Predict], photos: list[NDArray[np.uint8]], rounds: int) -> dict[str, float]:
    """Median seconds of each row; every row takes a photo before any takes the next."""
    times: dict[str, list[float]] = {name: [] for name in rows}
    for number in range(rounds + 1):
        for photo in photos:
            for name, predict in rows.items():
                rested = time.perf_counter() + REST
                while (begun := time.perf_counter()) < rested:
                    pass
                predict(photo)
                if number:  # the first round warms up
                    times[name].append(time.perf_counter() - begun)
    return {name: statistics.median(values) for name, values in times.items()}


if __name__ == "__main__":
    main()
