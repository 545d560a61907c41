"""What this machine can do at best: one matrix product in float32 and in bfloat16, and one copy in memory.

Machines differ by a factor of five, and bfloat16 by one of twenty (units for its products, or none), so that no speed
says much without these beside it.

Not covered: several GPUs, sparse products, 8-bit numbers.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

CPU_WIDTH, GPU_WIDTH = 2048, 8192
"""Of the square matrices: enough work for all cores."""
COPIED = 2**27
"""Bytes."""
SECONDS, FEWEST, MOST = 0.5, 3, 50
"""How long, and how often, each is repeated; the best counts."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The best of what was measured on one device."""

    device: str
    threads: int
    """Of torch; what a GPU does does not depend on them."""
    float32: float
    """GFLOP/s of a matrix product."""
    bfloat16: float
    """GFLOP/s of a matrix product."""
    memory: float
    """GB/s of a copy, what is read and what is written."""

    def sentence(self) -> str:
        """`2 threads: 314 GFLOP/s in float32, 2,204 in bfloat16; memory 24 GB/s`"""
        where = f"{self.threads} thread{'s' if self.threads != 1 else ''}" if self.device == "cpu" else self.device
        return (f"{where}: {self.float32:,.0f} GFLOP/s in float32, {self.bfloat16:,.0f} in bfloat16; "
                f"memory {self.memory:,.0f} GB/s")


def measure_peak(device: torch.device | str = "cpu") -> Peak:
    """What a device reaches on the threads that torch uses now; takes some three seconds."""
    device = torch.device(device)
    single, brain = (_product(device, dtype) for dtype in (torch.float32, torch.bfloat16))
    return Peak(device.type, torch.get_num_threads(), single, brain, _copy(device))


def machine(peak: Peak) -> dict[str, Any]:
    """What `--json` says of a machine: `machine` in words, and `peak`."""
    return {"machine": f"{platform.platform()}, {peak.sentence()}", "peak": asdict(peak)}


def _product(device: torch.device, dtype: torch.dtype) -> float:
    """GFLOP/s: an n by n product is 2 n^3 operations."""
    width = CPU_WIDTH if device.type == "cpu" else GPU_WIDTH
    random = torch.Generator(device).manual_seed(0)  # numbers as they come: a GPU is faster with ones
    left, right = (torch.randn(width, width, generator=random, device=device).to(dtype) for _ in range(2))
    return 2 * width**3 / _least_seconds(lambda: torch.mm(left, right), device) / 1e9


def _copy(device: torch.device) -> float:
    """GB/s, both ways, as STREAM counts its copy (McCalpin 1995)."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * COPIED / _least_seconds(lambda: target.copy_(source), device) / 1e9


def _least_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Of several times; the first warms up and does not count."""
    seconds: list[float] = []
    while len(seconds) <= FEWEST or (sum(seconds) < SECONDS and len(seconds) < MOST):
        started = time.perf_counter()
        work()
        if device.type != "cpu":
            torch.accelerator.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return min(seconds[1:])
