"""The comparison with transformers, small: what its rows say, and that both sides do the same work."""

from __future__ import annotations

import functools
import importlib.util
import json
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from pawl.bench import sampling
from pawl.bench.sampling import CACHES, Load, generate, ours, run
from pawl.cli import main
from pawl.errors import MissingExtraError
from pawl.models.architecture import small
from pawl.models.checkpoint import save_checkpoint
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise

torch.set_num_threads(1)

LOAD = Load(prompts=2, completions=3, prompt_tokens=5, new_tokens=4)
PEERS = [*CACHES] + ["llama.cpp"] * all(map(importlib.util.find_spec, ("llama_cpp", "gguf")))
PROMISED = {"name", "size", "peer", "ratio", "low", "high", "unit"}


def test_both_sides_make_the_same_number_of_tokens(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the peer is transformers")
    model = Transformer(small(sampling.VOCABULARY, depth=1, width=32, max_positions=32))
    initialise(model, seed=0)
    save_checkpoint(tmp_path, model, train_tokenizer("char", ["abc"]))
    peer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    for cache in CACHES.values():
        assert ours(model, LOAD)() == generate(peer, LOAD, cache)() == LOAD.tokens == 2 * 3 * 4


def test_prompts_are_the_same_each_time_and_hold_no_special_token() -> None:
    texts = LOAD.texts()
    assert texts.shape == (2, 5) and texts.min() >= 3
    assert (texts == LOAD.texts()).all()


def test_a_row_for_each_precision_size_and_peer_holds_what_is_promised() -> None:
    pytest.importorskip("transformers", reason="the peer is transformers")
    rows = run(2, {"small": (1, 32), "smaller": (1, 16)}, LOAD, ["float32", "bfloat16"])
    assert [(row["size"], row["peer"], row["repeats"]) for row in rows] == [
        (f"{size} {dtype}", peer, 2) for dtype in ("float32", "bfloat16") for size in ("small", "smaller")
        for peer in PEERS]
    for row in rows:
        assert row.keys() >= PROMISED
        assert 0 < row["low"] <= row["ratio"] <= row["high"]
    assert rows[0]["parameters"] > rows[len(PEERS)]["parameters"]


@pytest.mark.usefixtures("quick_peak")
def test_the_command_prints_the_rows_and_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers", reason="the peer is transformers")
    monkeypatch.setattr(sampling, "run", functools.partial(run, 1, {"small": (1, 32)}, LOAD, ["float32"]))
    done = CliRunner().invoke(main, ["bench", "sampling", "--json"])
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout.splitlines()[-1])
    assert printed.keys() == {"results", "machine", "peak"}
    assert isinstance(printed["machine"], str) and printed["peak"]["float32"] > 0
    assert [row["peer"] for row in printed["results"]] == PEERS
    assert all(row.keys() >= PROMISED for row in printed["results"])
    shown = CliRunner().invoke(main, ["bench", "sampling"]).stdout
    assert shown.startswith("sampling  small float32  ") and "against transformers generate" in shown
    assert "GFLOP/s in float32" in shown.splitlines()[-1]


def test_without_the_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1, {"small": (1, 32)}, LOAD)


def test_an_unknown_comparison_offers_the_nearest() -> None:
    done = CliRunner().invoke(main, ["bench", "samplign"])
    assert (done.exit_code, done.stderr) == (2, "error: unknown bench: 'samplign'\nhint: did you mean 'sampling'?\n")
