"""The network, for those who train: backbone, pyramid pooling, decoder, and how they are put together."""

from hairseg.net.build import NetConfig, build
from hairseg.net.files import load
from hairseg.net.presets import PRESETS, preset
from hairseg.net.pspnet import PSPNet
from hairseg.net.pyramid import PyramidPooling

__all__ = ["PRESETS", "NetConfig", "PSPNet", "PyramidPooling", "build", "load", "preset"]
