"""PSPNet as its figure: photo -> features -> pyramid -> logits, on the photo's own size."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hairseg.net.backbones import Backbone


class PSPNet(nn.Module):
    """Pyramid scene parsing network, put together from parts that are passed in.

    Args:
        backbone: photo to features, finest first.
        pyramid: coarsest features to the pyramid; ``nn.Identity`` makes the FCN twin.
        decoder: pyramid and finer features to the last features.
        head_channels: channels of the last features.
        classes: number of logits; 1 for hair.

    Shape:
        (N, 3, H, W), normalised -> logits (N, classes, H, W).
    """

    def __init__(
        self, backbone: Backbone, pyramid: nn.Module, decoder: nn.Module, head_channels: int, classes: int = 1
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pyramid = pyramid
        self.decoder = decoder
        self.head = nn.Conv2d(head_channels, classes, 1)

    def forward(self, photo: Tensor) -> Tensor:
        """Logits (N, classes, H, W) of a normalised photo (N, 3, H, W)."""
        *finer, coarsest = self.backbone(photo)
        pyramid = self.pyramid(coarsest)
        logits = self.head(self.decoder(pyramid, finer))
        # The 1x1 head commutes with bilinear upsampling, and is far cheaper before it.
        return F.interpolate(logits, size=photo.shape[2:], mode="bilinear", align_corners=False)

    def new_parameters(self) -> list[nn.Parameter]:
        """Everything but the pretrained backbone: trained at a higher rate (the paper's x10 layers)."""
        modules = (self.pyramid, self.decoder, self.head)
        return [parameter for module in modules for parameter in module.parameters()]
