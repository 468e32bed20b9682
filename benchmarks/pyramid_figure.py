"""What pyramid pooling sees in a photo, drawn from a packaged model's own tensors; and how much each level is used.

    python benchmarks/pyramid_figure.py samples/astronaut.jpg docs/images
    python benchmarks/pyramid_figure.py --data figaro1k:PATH --split val84

The first writes pyramid-levels.jpg (features, pooled maps, levels) and pyramid-bins.jpg (the windows of each bin, and
the probability where a level is silenced). The second prints the IoU on a data set with each level silenced. A level is
silenced by multiplying it with 0 between its upsampling and the concatenation; the rest of the network is as it is
shipped. Needs the extra `train`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from hairseg.data import open_data, read_item
from hairseg.evaluation.metrics import count, pooled
from hairseg.evaluation.tables import markdown
from hairseg.fit import fit, unfit
from hairseg.models import ModelInfo, find_model, read_info
from hairseg.net.pyramid import bin_edges
from hairseg.photo import read_photo

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Level:
    """Names of one level's tensors in the graph: (1, C, bins, bins) pooled, (1, C / N, h, w) upsampled."""

    pooled: str
    upsampled: str


class OpenPyramid:
    """A packaged model whose pyramid can be read, and whose levels can be silenced one by one."""

    def __init__(self, name: str) -> None:
        path = find_model(name)
        self.info: ModelInfo = read_info(path)
        model = onnx.load(str(path))
        self.features, self.levels = find_pyramid(model)
        shown = [
            self.features,
            *(tensor for level in self.levels for tensor in (level.pooled, level.upsampled)),
        ]
        model.graph.output.extend(helper.make_empty_tensor_value_info(tensor) for tensor in shown)
        self._add_switches(model)
        self._shown = shown
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def _add_switches(self, model: Any) -> None:
        """A graph input per level that its upsampled map is multiplied with."""
        nodes = list(model.graph.node)
        end = next(
            node for node in nodes if self.levels[0].upsampled in node.input and node.op_type == "Concat"
        )
        switches = []
        for number, level in enumerate(self.levels):
            place = list(end.input).index(level.upsampled)
            switches.append(helper.make_node("Mul", [level.upsampled, f"keep_{number}"], [f"kept_{number}"]))
            end.input[place] = f"kept_{number}"
            model.graph.input.append(helper.make_tensor_value_info(f"keep_{number}", TensorProto.FLOAT, [1]))
        position = nodes.index(end)
        del model.graph.node[:]
        model.graph.node.extend([*nodes[:position], *switches, *nodes[position:]])

    def canvas(self, photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The photo on the model's canvas, (h, w, 3) uint8."""
        return fit(photo, self.info.fit)

    def run(self, canvas: NDArray[np.uint8], silent: tuple[int, ...] = ()) -> tuple[Array, dict[str, Array]]:
        """Probability (h, w) of a canvas, and the pyramid's tensors by name; levels in ``silent`` are zero."""
        x = (canvas / 255.0 - self.info.mean) / self.info.std
        given = {"photo": x.astype(np.float32).transpose(2, 0, 1)[None]}
        for number in range(len(self.levels)):
            given[f"keep_{number}"] = np.array([number not in silent], np.float32)
        found = self._session.run(["probability", *self._shown], given)
        return found[0][0, 0], dict(zip(self._shown, found[1:], strict=True))

    def bins(self, tensors: dict[str, Array]) -> list[int]:
        """Grid size of each level."""
        return [tensors[level.pooled].shape[2] for level in self.levels]


def find_pyramid(model: Any) -> tuple[str, list[Level]]:
    """Names of the features before the pyramid and of each level, found by the graph's shape.

    The pyramid ends in the one concatenation of more than two maps of which all but the features are upsampled.
    """
    made_by = {tensor: node for node in model.graph.node for tensor in node.output}
    for node in model.graph.node:
        if node.op_type != "Concat":
            continue
        upsampled = [
            tensor for tensor in node.input if tensor in made_by and made_by[tensor].op_type == "Resize"
        ]
        rest = [tensor for tensor in node.input if tensor not in upsampled]
        if upsampled and len(rest) == 1:
            return rest[0], [Level(_pooled(made_by, tensor), tensor) for tensor in upsampled]
    raise SystemExit("this model has no pyramid pooling: take pspnet_squeezenet1_1 or hairseg")


def _pooled(made_by: dict[str, Any], tensor: str) -> str:
    """From an upsampled level back through its projection to the pooled map."""
    while made_by[tensor].op_type not in ("MatMul", "ReduceMean", "Slice"):
        tensor = made_by[tensor].input[0]
    return tensor


@dataclass(frozen=True)
class Colours:
    """Three principal components of channel vectors as red, green and blue."""

    mean: Array
    axes: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, maps: Array) -> Colours:
        """The components of (C, h, w); 2 % at either end are clipped."""
        vectors = maps.reshape(len(maps), -1).T
        mean = vectors.mean(axis=0)
        _, _, axes = np.linalg.svd(vectors - mean, full_matrices=False)
        axes = axes[:3]
        # The sign of a component is arbitrary; fix it, so that the figure does not depend on the platform.
        axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
        seen = (vectors - mean) @ axes.T
        return cls(mean, axes, np.percentile(seen, 2, axis=0), np.percentile(seen, 98, axis=0))

    def paint(self, maps: Array) -> Array:
        """(C, h, w) to (h, w, 3) in [0, 1]."""
        seen = (maps.reshape(len(maps), -1).T - self.mean) @ self.axes.T
        colours = (seen - self.low) / np.maximum(self.high - self.low, 1e-6)
        return np.clip(colours, 0, 1).reshape(*maps.shape[1:], 3)


def draw_levels(net: OpenPyramid, canvas: NDArray[np.uint8], path: Path) -> None:
    """Photo and features; below them each bin's pooled map in the features' colours, and its level."""
    import matplotlib.pyplot as plt

    probability, tensors = net.run(canvas)
    features = tensors[net.features][0]
    colours = Colours.of(features)
    bins = net.bins(tensors)
    side = f"{features.shape[1]} x {features.shape[2]}"
    figure, axes = plt.subplots(3, len(bins), figsize=(2.6 * len(bins), 8.6), layout="constrained")
    top = [(canvas, "photo on its canvas"), (colours.paint(features), f"features, {side} x {len(features)}")]
    top.append((probability, "probability of hair"))
    for axis, (picture, title) in zip(axes[0], top, strict=False):
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axis.set_title(title, fontsize=11)
    for number, level in enumerate(net.levels):
        pooled_map, upsampled = tensors[level.pooled][0], tensors[level.upsampled][0]
        axes[1, number].imshow(colours.paint(pooled_map))
        axes[1, number].set_title(f"bin {bins[number]}: {bins[number] ** 2} pooled", fontsize=11)
        strength = np.sqrt((upsampled**2).mean(axis=0))
        axes[2, number].imshow(strength, cmap="magma", vmin=0)
        axes[2, number].set_title(f"its level, {len(upsampled)} channels", fontsize=11)
    for axis in axes.ravel():
        axis.set_axis_off()
    notes = axes[0, len(top)] if len(bins) > len(top) else axes[0, -1]
    notes.text(
        0, 0.5,
        "colours: the first three\nprincipal components of\nthe features; the pooled\nmaps use the same three\n\n"
        "levels: root mean square\nover the channels, after\n1x1 and upsampling",
        fontsize=10, va="center", transform=notes.transAxes,
    )  # fmt: skip
    save(figure, path)


def draw_bins(net: OpenPyramid, canvas: NDArray[np.uint8], path: Path) -> None:
    """The windows of each bin over the photo, and the probability where that level is silenced."""
    import matplotlib.pyplot as plt
    from matplotlib.patches import Rectangle

    probability, tensors = net.run(canvas)
    height, width = canvas.shape[:2]
    tall, wide = tensors[net.features].shape[2:]
    found = probability >= net.info.threshold
    bins = net.bins(tensors)
    figure, axes = plt.subplots(3, len(bins), figsize=(2.6 * len(bins), 8.9), layout="constrained")
    for number, size in enumerate(bins):
        # A cell per window; neighbours overlap where the bin does not divide the features.
        # The window that holds most hair is drawn bright, the photo outside it dark: what one cell of the bin sees.
        windows = [(bin_edges(tall, size, row), bin_edges(wide, size, column))
                   for row in range(size) for column in range(size)]  # fmt: skip
        boxes = [(a * height / tall, b * height / tall, c * width / wide, d * width / wide)
                 for (a, b), (c, d) in windows]  # fmt: skip
        hair = [float(found[round(a) : round(b), round(c) : round(d)].sum()) for a, b, c, d in boxes]
        a, b, c, d = boxes[int(np.argmax(hair))]
        shade = np.full((height, width, 1), 0.35)
        shade[round(a) : round(b), round(c) : round(d)] = 1
        axis = axes[0, number]
        axis.imshow((canvas * shade).astype(np.uint8))
        thin = {"fill": False, "edgecolor": "white", "linewidth": 0.8}
        for y0, y1, x0, x1 in boxes:
            axis.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, clip_on=False, **thin))
        axis.add_patch(Rectangle((c, a), d - c, b - a, fill=False, edgecolor="#ffb000", linewidth=2.2))
        cell = " x ".join(str(end - start) for start, end in windows[0])
        axis.set_title(f"bin {size}: one cell pools\n{cell} of {tall} x {wide} features", fontsize=10)
        without, _ = net.run(canvas, (number,))
        other = without >= net.info.threshold
        iou = (found & other).sum() / max(int((found | other).sum()), 1)
        axes[1, number].imshow(without, cmap="gray", vmin=0, vmax=1)
        axes[1, number].set_title(f"probability without bin {size}", fontsize=10)
        image = axes[2, number].imshow(without - probability, cmap="RdBu_r", vmin=-0.6, vmax=0.6)
        axes[2, number].set_title(
            f"what that changes: IoU {iou:.2f}\nwith the whole network's mask", fontsize=10
        )
        print(f"bin {size} silenced: IoU with the whole mask {iou:.4f}, hair {other.mean():.2%} of the photo")
    print(f"whole network: hair {found.mean():.2%} of the photo")
    for axis in axes.ravel():
        axis.set_axis_off()
    bar = figure.colorbar(image, ax=axes[2], location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label("change of the probability: less hair (blue), more hair (red)", fontsize=9)
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, pil_kwargs={"quality": 85})
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


def table(net: OpenPyramid, data: str, split: str) -> str:
    """IoU on a data set, counts pooled over photos at their own size, with each level silenced, and all."""
    pairs = [read_item(item) for item in open_data(data, split).items]
    _, tensors = net.run(net.canvas(pairs[0][0]))
    bins = net.bins(tensors)
    cases = [("nothing", ()), *((f"bin {size}", (number,)) for number, size in enumerate(bins))]
    cases.append(("all bins", tuple(range(len(bins)))))
    counts: dict[str, list[Any]] = {name: [] for name, _ in cases}
    for photo, truth in pairs:
        canvas = net.canvas(photo)
        for name, silent in cases:
            probability, _ = net.run(canvas, silent)
            mask = unfit(probability, *photo.shape[:2]) >= net.info.threshold
            counts[name].append(count(mask, truth))
    whole = pooled(counts["nothing"]).iou
    rows = []
    for name, _ in cases:
        total = pooled(counts[name])
        pixels = total.tp + total.fp + total.fn + total.tn
        change = f"{(total.iou - whole) * 100:+.2f}" if name != "nothing" else ""
        rows.append([name, f"{total.iou:.4f}", change, f"{(total.tp + total.fp) / pixels:.1%}"])
    return markdown(["silenced", "IoU", "points", "hair found, of all pixels"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photo", type=Path, nargs="?")
    parser.add_argument("folder", type=Path, nargs="?", default=Path())
    parser.add_argument("--model", default="pspnet_squeezenet1_1")
    parser.add_argument("--data")
    parser.add_argument("--split", default="val84")
    options = parser.parse_args()
    net = OpenPyramid(options.model)
    if options.data:
        print(table(net, options.data, options.split))
    elif options.photo:
        import matplotlib as mpl

        mpl.use("Agg")
        canvas = net.canvas(read_photo(options.photo).pixels)
        draw_levels(net, canvas, options.folder / "pyramid-levels.jpg")
        draw_bins(net, canvas, options.folder / "pyramid-bins.jpg")
    else:
        parser.error("name a photo to draw, or --data to measure")


if __name__ == "__main__":
    main()
