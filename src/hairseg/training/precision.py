"""Where and how a network computes: the device, and bfloat16 only where it is multiplied in hardware."""

from __future__ import annotations

import torch

CPU = torch.device("cpu")


def best_device() -> torch.device:
    """An NVIDIA GPU if there is one, or the CPU."""
    return torch.device("cuda") if torch.cuda.is_available() else CPU


def has_fast_bfloat16(device: torch.device = CPU) -> bool:
    """Whether a device has bfloat16 matrix products: a CPU by AVX512-BF16 or AMX, a GPU since Ampere.

    Elsewhere torch emulates them: measured on an AVX2 machine, 0.3 GFLOP/s against 175 in float32, so that an
    epoch of 30 seconds took five minutes.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = torch.cpu
    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())  # torch says it nowhere else


def autocast(wanted: bool, device: torch.device = CPU) -> torch.autocast:
    """A context that computes in bfloat16 if that is ``wanted`` and fast there, in float32 otherwise."""
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and has_fast_bfloat16(device))
