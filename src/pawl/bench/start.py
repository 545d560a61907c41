"""How soon things begin: the command, the import, a run's first generation, beside TRL's, in whole processes, turn
about.

A process is timed from its start to its end, interpreter included. The first pair, which fills the disk's cache and
keeps what is compiled, does not count.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pawl.bench.first_generation import BASE, LETTERS
from pawl.bench.pairs import Work, compared
from pawl.errors import MissingExtraError
from pawl.models.architecture import small
from pawl.models.checkpoint import save_checkpoint
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise


class Start(NamedTuple):
    """Two programs that begin the same thing."""

    name: str
    ours: str
    peer: str
    theirs: str
    words: tuple[str, ...] = ()
    """On the command line of both."""


STARTS = (
    Start("pawl --help", "from pawl.cli import main; main()",
          "trl --help", "from trl.cli import main; main()", words=("--help",)),
    Start("import pawl", "import pawl", "import trl", "import trl"),
    Start("import pawl", "import pawl", "import transformers", "import transformers"),
    Start("what a run imports", "import pawl.recipes.expert_iteration",
          "from trl import GRPOTrainer", "from trl import GRPOTrainer"),
    Start("the first generation", "from pawl.bench.first_generation import pawl_generation; pawl_generation()",
          "GRPOTrainer's first step", "from pawl.bench.first_generation import trl_step; trl_step()"),
)


def run(repeats: int = 5, starts: Sequence[Start] = STARTS) -> list[dict[str, Any]]:
    """A row for each start: the peer's seconds over Pawl's (median, and the range over the pairs). Raises
    MissingExtraError where the peer is not installed."""
    if importlib.util.find_spec("trl") is None:
        raise MissingExtraError("pawl bench start", "bench")
    with tempfile.TemporaryDirectory() as directory:
        save_base(Path(directory, BASE))
        return [_row(start, Path(directory), repeats) for start in starts]


def _row(start: Start, directory: Path, repeats: int) -> dict[str, Any]:
    theirs, ours = (process(program, start.words, directory) for program in (start.theirs, start.ours))
    found = compared(theirs, ours, work=1, repeats=repeats)
    return {"name": "start", "size": start.name, "peer": start.peer, "unit": "seconds from start to end, peer over Pawl"
            } | found | {"seconds": 1 / found["pawl"], "peer_seconds": 1 / found["theirs"]}


def process(program: str, words: Sequence[str], directory: Path) -> Work:
    """A whole process of Python, each time in a new folder in `directory`, which says 1 when it went well. It asks
    nothing of the network."""
    command, environment = [sys.executable, "-c", program, *words], os.environ | {"HF_HUB_OFFLINE": "1"}

    def work() -> int:
        folder = tempfile.mkdtemp(dir=directory)
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return 1

    return work


def save_base(directory: Path) -> None:
    """Saves a checkpoint of 0.8 M parameters that has learnt nothing."""
    tokenizer = train_tokenizer("char", [LETTERS])
    model = Transformer(small(tokenizer.vocab_size, depth=4, width=128, max_positions=64))
    initialise(model, seed=0)
    save_checkpoint(directory, model, tokenizer)
