"""A torch network as the Segmenter runs it: photo -> canvas -> probability -> the photo's own size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from hairseg.fit import Fit, fit, unfit
from hairseg.net import PSPNet
from hairseg.training.precision import autocast

Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def predictor(net: PSPNet, how: Fit, bf16: bool = False) -> Predict:
    """A function from photo (H, W, 3) uint8 to probability of hair (H, W) float32."""
    logits = on_canvas(net, bf16)

    def predict(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        probability: NDArray[np.float32] = torch.sigmoid(logits(fit(photo, how)))[0].cpu().numpy()
        return unfit(probability, *photo.shape[:2])

    return predict


def parser(net: PSPNet, how: Fit, bf16: bool = False) -> Predict:
    """A function from photo (H, W, 3) uint8 to probabilities (classes, h, w) float32 on its canvas.

    :func:`hairseg.scene.to_labels` brings them to the photo's own size.
    """
    logits = on_canvas(net, bf16)

    def parse(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        probability: NDArray[np.float32] = torch.softmax(logits(fit(photo, how)), dim=0).cpu().numpy()
        return probability

    return parse


def on_canvas(net: PSPNet, bf16: bool = False) -> Callable[[NDArray[np.uint8]], torch.Tensor]:
    """A function from canvas (h, w, 3) uint8 to logits (classes, h, w) float32."""
    device = net.head.weight.device

    @torch.inference_mode()
    def logits(canvas: NDArray[np.uint8]) -> torch.Tensor:
        batch = as_batch(net, canvas).contiguous(memory_format=torch.channels_last)
        with autocast(bf16, device):
            found: torch.Tensor = net.eval()(batch)
        return found[0].float()

    return logits


def as_batch(net: PSPNet, canvas: NDArray[np.uint8]) -> torch.Tensor:
    """A canvas (h, w, 3) uint8 as the network takes it: (1, 3, h, w) float32, where its weights are."""
    device = net.head.weight.device
    mean, std = (
        torch.tensor(one, device=device).view(1, 3, 1, 1) for one in (net.backbone.mean, net.backbone.std)
    )
    pixels = torch.from_numpy(canvas.copy()).permute(2, 0, 1)[None].to(device)
    return (pixels.float() / 255 - mean) / std
