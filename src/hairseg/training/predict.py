"""A torch network as the Segmenter runs it: photo -> canvas -> probability -> the photo's own size."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from hairseg.fit import Fit, fit, unfit
from hairseg.net import PSPNet
from hairseg.training.precision import autocast


def predictor(
    net: PSPNet, how: Fit, bf16: bool = False
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """A function from photo (H, W, 3) uint8 to probability of hair (H, W) float32."""
    mean = torch.tensor(net.backbone.mean).view(1, 3, 1, 1)
    std = torch.tensor(net.backbone.std).view(1, 3, 1, 1)

    @torch.inference_mode()
    def predict(photo: NDArray[np.uint8]) -> NDArray[np.float32]:
        canvas = torch.from_numpy(fit(photo, how).copy()).permute(2, 0, 1)[None]
        batch = ((canvas.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
        with autocast(bf16):
            logits = net.eval()(batch)
        probability: NDArray[np.float32] = torch.sigmoid(logits.float())[0, 0].numpy()
        return unfit(probability, *photo.shape[:2])

    return predict
