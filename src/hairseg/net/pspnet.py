"""PSPNet as its figure: photo -> features -> pyramid -> logits, on the photo's own size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from hairseg.errors import UsageError
from hairseg.net.auxiliary import AuxiliaryHead
from hairseg.net.backbones import Backbone
from hairseg.net.pyramid import PyramidPooling


class PSPNet(nn.Module):
    """Pyramid scene parsing network, put together from parts that are passed in.

    Args:
        backbone: photo to features, finest first.
        pyramid: coarsest features to the pyramid; ``nn.Identity`` makes the FCN twin.
        decoder: pyramid and finer features to the last features.
        head: last features to logits, one channel per class; 1 for hair.
        auxiliary: a second head for training, on the features of one stage; None for none.
        auxiliary_stage: index of that stage, finest first.
        align_corners: of the logits' upsampling to the photo's size.
        subpixel: the head gives this many times as many rows and columns of logits as it has places, as further
            channels (torch's ``pixel_shuffle``).

    Shape:
        (N, 3, H, W), normalised -> logits (N, classes, H, W).
    """

    def __init__(
        self,
        backbone: Backbone,
        pyramid: nn.Module,
        decoder: nn.Module,
        head: nn.Conv2d,
        auxiliary: AuxiliaryHead | None = None,
        auxiliary_stage: int = -2,
        align_corners: bool = False,
        subpixel: int = 1,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid = pyramid
        self.decoder = decoder
        self.head = head
        self.auxiliary = auxiliary
        self.auxiliary_stage = auxiliary_stage
        self.align_corners = align_corners
        self.subpixel = subpixel

    def forward(self, photo: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of a normalised photo (N, 3, H, W)."""
        return self._logits(self.backbone(photo), photo)

    def coarse(self, photo: Tensor) -> Tensor:
        """Logits (N, classes, h, w) at the size of the last features, before they are upsampled."""
        return self._coarse(self.backbone(photo))

    def with_features(self, photo: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What a network is told by when another one imitates it.

        Returns:
            Logits (N, classes, H, W): of the head, and of the auxiliary head where there is one; and the features that
            the parts hand on: the backbone's, finest first, the pyramid's and the decoder's.
        """
        features = self.backbone(photo)
        *finer, coarsest = features
        pyramid = self.pyramid(coarsest)
        last = self.decoder(pyramid, finer)
        logits = [self._upsample(self._head(last), photo)]
        if self.auxiliary is not None:
            logits.append(self._upsample(self.auxiliary(features[self.auxiliary_stage]), photo))
        return logits, [*features, pyramid, last]

    def with_auxiliary(self, photo: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the head and of the auxiliary head, both (N, classes, H, W): what a training step needs.

        Raises:
            UsageError: the network was built without an auxiliary head.
        """
        if self.auxiliary is None:
            raise UsageError("this network has no auxiliary head: build it with auxiliary = true")
        (logits, auxiliary), _ = self.with_features(photo)
        return logits, auxiliary

    def _logits(self, features: list[Tensor], photo: Tensor) -> Tensor:
        # The 1x1 head commutes with bilinear upsampling, and is far cheaper before it.
        return self._upsample(self._coarse(features), photo)

    def _coarse(self, features: list[Tensor]) -> Tensor:
        *finer, coarsest = features
        return self._head(self.decoder(self.pyramid(coarsest), finer))

    def _head(self, last: Tensor) -> Tensor:
        logits: Tensor = self.head(last)
        return logits if self.subpixel == 1 else F.pixel_shuffle(logits, self.subpixel)

    def _upsample(self, logits: Tensor, photo: Tensor) -> Tensor:
        return F.interpolate(logits, size=photo.shape[2:], mode="bilinear", align_corners=self.align_corners)

    def without_auxiliary(self) -> PSPNet:
        """The same network, its parts shared, without the auxiliary head: what ships."""
        parts = self.backbone, self.pyramid, self.decoder, self.head
        net = PSPNet(*parts, align_corners=self.align_corners, subpixel=self.subpixel)
        net.training = self.training  # as its parts are
        return net

    def check_size(self, height: int, width: int) -> None:
        """Say before a training whether photos of ``height`` x ``width`` are large enough; nothing is computed.

        Raises:
            UsageError: a bin of the pyramid is larger than their features, or the backbone takes no such photos.
        """
        if not isinstance(self.pyramid, PyramidPooling):
            return
        state = {key: value.to("meta") for key, value in self.backbone.state_dict().items()}
        photo = torch.empty(2, 3, height, width, device="meta")
        try:
            features = functional_call(self.backbone, state, photo)
        except (RuntimeError, AssertionError) as error:  # as PyTorch and timm say it
            raise UsageError(
                f"the backbone takes no photos of {height} x {width} pixels ({error}): choose another size or backbone"
            ) from error
        try:
            self.pyramid.check_size(*features[-1].shape[2:])
        except UsageError as error:
            raise UsageError(f"photos of {height} x {width} pixels are too small: {error}") from error

    def new_parameters(self) -> list[nn.Parameter]:
        """Everything but the pretrained backbone: trained at a higher rate (the paper's x10 layers)."""
        backbone = {id(parameter) for parameter in self.backbone.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in backbone]
