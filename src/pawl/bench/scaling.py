"""How time and memory grow: with attempts in the ledger, generations in a run, completions of a prompt.

It takes some four minutes; a million attempts take 1 GB of memory and 1 GB in the folder of temporary files.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pawl.bench import sampling, scaling_ledger
from pawl.bench.growth import Cost, Measure, growth, in_own_process
from pawl.models.architecture import small
from pawl.models.transformer import Transformer, initialise


def sample_completions(size: int, folder: Path, times: int) -> Iterator[Callable[[], object]]:
    """Samples this many completions of each of 64 prompts by a model of 0.8 M parameters."""
    depth, width = sampling.SIZES["0.8M"]
    model = Transformer(small(sampling.VOCABULARY, depth=depth, width=width, max_positions=256))
    initialise(model, seed=0)
    for _ in range(times):
        yield sampling.ours(model, sampling.Load(completions=size))


MEASURES: Mapping[str, Mapping[str, Measure]] = {
    "attempts": {"commit": scaling_ledger.commit_attempts, "read": scaling_ledger.read_attempts},
    "generations": {"commit": scaling_ledger.commit_generations, "list": scaling_ledger.list_generations,
                    "report": scaling_ledger.report_generations},
    "completions a prompt": {"sample": sample_completions},
}
"""What is done with each, in the order in which it can be done."""
SIZES: Mapping[str, Sequence[int]] = {
    "attempts": (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
    "generations": (1, 3, 10, 30, 100),
    "completions a prompt": (1, 2, 4, 8, 16, 32, 64),
}


def run(repeats: int = 3, sizes: Mapping[str, Sequence[int]] = SIZES) -> list[dict[str, Any]]:
    """A row for everything that is done with each of what grows."""
    return [row for things, these in sizes.items() for row in _rows(things, these, repeats)]


def _rows(things: str, sizes: Sequence[int], repeats: int) -> Iterator[dict[str, Any]]:
    costs = [_costs(things, size, repeats) for size in sizes]
    for verb, found in zip(MEASURES[things], zip(*costs, strict=True), strict=True):
        yield {"name": "scaling", "size": f"{verb} {sizes[0]:,} to {sizes[-1]:,} {things}",
               "peer": "growth in proportion", **growth(sizes, found)}


def _costs(things: str, size: int, repeats: int) -> list[Cost]:
    """Of each measure, at one size."""
    with tempfile.TemporaryDirectory() as folder:
        return [in_own_process(measure, size, Path(folder), repeats) for measure in MEASURES[things].values()]
