"""How much the masks of videos flicker, and how much smoothing them lags behind motion.

    python benchmarks/video_flicker.py clip.mp4 ... [--model NAME] [--memory 0.1 0.2 0.4]

Prints, for each clip and memory (0 is no smoothing):

    blinks    pixels that turn over for one frame and back, per frame, as a share of the hair
    changes   pixels that turn over although the photo around them did not change, likewise
    lag       how far the probability trails, where the photo moves, in frames
    differs   pixels whose mask differs from that of the frame alone, where the photo moves, as a share of these

All of it on the network's canvas. There is no ground truth: motion is what differs in the photo, and where it
moves the network's answer for the frame alone is taken as right.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hairseg.fit import fit
from hairseg.segmenter import Segmenter
from hairseg.steady import SAME, Steady, coarser, difference, finer, is_cut
from hairseg.video_reader import VideoReader

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Clip:
    """What the network says of each frame alone, and what the photo does from each frame to the next.

    Attributes:
        canvases: (h, w, 3) uint8 each.
        raw: (h, w) float32 each.
        times: seconds.
        still, moving: (h, w) bool for every frame but the first; neither in the first frame of a scene.
    """

    canvases: list[NDArray[np.uint8]]
    raw: list[Floats]
    times: list[float]
    still: list[Bools]
    moving: list[Bools]


def look(path: str, segmenter: Segmenter) -> Clip:
    """Decode a clip and run the network on every frame."""
    reader = VideoReader(path, sound=False)
    frames = list(reader.frames())
    canvases = [fit(frame.pixels, segmenter.info.fit) for frame in frames]
    clip = Clip(
        canvases, [segmenter.on_canvas(c) for c in canvases], [reader.time(f) for f in frames], [], []
    )
    for before, after in pairwise(canvases):
        differing = difference(coarser(after), coarser(before))
        cut = is_cut(differing)
        fine = finer(differing, after.shape[:2])
        clip.still.append((fine < SAME) & (not cut))
        clip.moving.append((fine >= SAME) & (not cut))
    return clip


def smoothed(clip: Clip, memory: float) -> list[Floats]:
    """The probabilities as ``hairseg video`` smooths them."""
    steady = Steady(memory)
    elapsed = np.diff(clip.times, prepend=clip.times[0])
    return [
        steady(canvas, raw, float(passed))
        for canvas, raw, passed in zip(clip.canvases, clip.raw, elapsed, strict=True)
    ]


def measure(clip: Clip, found: Sequence[Floats], threshold: float) -> tuple[float, float, float, float]:
    """Blinks, changes, lag and differing pixels, as the module's docstring defines them."""
    masks = [probability >= threshold for probability in found]
    alone = [probability >= threshold for probability in clip.raw]
    hair = max(1, sum(int(mask.sum()) for mask in alone))
    blinks = sum(
        int(((before == after) & (mask != before)).sum())
        for before, mask, after in zip(masks[:-2], masks[1:-1], masks[2:], strict=True)
    )
    changes = sum(
        int(((masks[index] != masks[index + 1]) & still).sum()) for index, still in enumerate(clip.still)
    )
    trailing, motion, differs, area = 0.0, 1e-9, 0, 1
    for index, moving in enumerate(clip.moving, start=1):
        step = (clip.raw[index] - clip.raw[index - 1])[moving].astype(np.float64)
        behind = (clip.raw[index] - found[index])[moving]
        trailing += float((behind * step).sum())
        motion += float((step * step).sum())
        differs += int((masks[index] != alone[index])[moving].sum())
        area += int((masks[index] | alone[index])[moving].sum())
    return blinks / hair, changes / hair, trailing / motion, differs / area


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+")
    parser.add_argument("--model")
    parser.add_argument("--memory", type=float, nargs="+", default=[0.1, 0.2, 0.4])
    arguments = parser.parse_args()
    segmenter = Segmenter(arguments.model)
    print("| clip | memory, s | blinks | changes | lag, frames | differs |")
    print("|---|---|---|---|---|---|")
    for path in arguments.clips:
        clip = look(path, segmenter)
        for memory in (0.0, *arguments.memory):
            found = smoothed(clip, memory) if memory else clip.raw
            blinks, changes, lag, differs = measure(clip, found, segmenter.info.threshold)
            print(
                f"| {path} | {memory:g} | {blinks:.2%} | {changes:.2%} | {lag:.3f} | {differs:.2%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
