"""Models that learn from models, small: three ways from one first model, every switch, and what is stopped goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import carried_out, same_as_whole, silent

from pawl.errors import ConfigError
from pawl.ledger import Ledger
from pawl.recipes import self_consume
from pawl.recipes.self_consume import Settings
from pawl.report import render_report
from pawl.tasks.countdown import Countdown
from pawl.tasks.world import World
from pawl.terminal import run_in_words

torch.set_num_threads(1)
TASK = World(nouns=10, people=10)
SMALL = Settings(depth=1, documents=512, epochs=(3, 1), generations=2, temperature=1.0, kl=0.3,
                 keeps="replace", device="cpu", dtype="float32")


def carry_out(path: Path, notify: Any = silent, settings: Settings = SMALL) -> dict[str, Any]:
    return carried_out(self_consume, settings, TASK, path, notify)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("self-consume") / "run"
    return path, carry_out(path)


def test_every_way_starts_from_the_first_model_and_is_read_each_time(made: tuple[Path, dict[str, Any]]) -> None:
    readings = made[1]["readings"]
    assert list(readings) == ["alone", "anchored", "fresh"]
    assert readings["alone"][0] == readings["anchored"][0] == readings["fresh"][0]
    for way in readings.values():
        assert len(way) == 3 and len({one["real_loss"] for one in way}) == 3
        for one in way:
            assert one.keys() >= {"real_loss", "base_loss", "base_loss_p99", "world_loss", "true", "entropy",
                                  "distinct_4", "support", "recall", "self_bleu", "vendi", "compression"}


def test_new_text_teaches_and_own_text_does_not(made: tuple[Path, dict[str, Any]]) -> None:
    rise = {one["arm"]: one["rise"] for one in made[1]["arms"]}
    assert rise["fresh"] < rise["anchored"] < rise["alone"]
    assert rise["fresh"] < -0.1 and rise["alone"] > 0


def test_the_report_reads_it_all_out(made: tuple[Path, dict[str, Any]]) -> None:
    path, result = made
    words = run_in_words({**result, "report": "there"})
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        page, rows = render_report(ledger), ledger.generations()
    for said in ("Readings of collapse", "Loss on real text", "Text to read", "What each way came to"):
        assert said in page
    assert "What each way came to" in words and result["sentence"] in words
    assert [row.notes[0] for row in rows] == [f"{arm} {number}" for arm in result["readings"] for number in (1, 2)]
    assert all(len(row.notes) == 5 for row in rows), "a name, a sentence, and three documents"


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(made: tuple[Path, dict[str, Any]],
                                                             tmp_path: Path) -> None:
    stops = (("train", 0), ("sample", 2), ("train", 4), ("measure", 6))
    assert same_as_whole(carry_out, made[0], tmp_path / "stopped", stops)


TINY = replace(SMALL, documents=64, epochs=(1, 1), generations=2, arms=("anchored",))


@pytest.mark.parametrize("switches", [
    {"members": 2}, {"start": "scratch"}, {"start": "dynamic"}, {"keeps": "accumulate", "real": 0.5},
    {"keeps": "subsample", "kl": 0.0}, {"verify": (1.0, 0.9), "temperature": 0.5}, {"bias": 0.5, "top_p": 0.9},
    {"prompted": 1.0, "revisions": 1}, {"prompted": 1.0, "beams": 2}, {"kl": ("forward", 0.3)},
    {"kl": ("k3", 0.3), "real": 0.0}],
    ids=lambda switches: " ".join(switches))
def test_every_switch_makes_another_model(tmp_path: Path, switches: dict[str, Any]) -> None:
    plain, other = (carry_out(tmp_path / name, settings=settings) for name, settings in (
        ("plain", TINY), ("other", replace(TINY, **switches))))
    assert plain["readings"]["anchored"][0]["real_loss"] == other["readings"]["anchored"][0]["real_loss"]
    assert plain["readings"]["anchored"][-1]["real_loss"] != other["readings"]["anchored"][-1]["real_loss"]
    assert other["generations"] == 2 * switches.get("members", 1)


def test_a_loss_that_rises_stops_what_is_anchored(tmp_path: Path) -> None:
    settings = replace(TINY, generations=3, kl=0.0, real=0.0, learning_rate=0.05, stop=1e-6, arms=("anchored", "alone"))
    result = carry_out(tmp_path / "run", settings=settings)
    first, second = result["readings"]["anchored"][:2]
    assert second["real_loss"] > first["real_loss"]
    assert [one["generations"] for one in result["arms"]] == [1, 3]


def test_a_file_takes_the_place_of_the_world(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("".join(f"line {number} of a long text about nothing in particular\n"
                                               for number in range(2000)), encoding="utf-8")
    result = carry_out(tmp_path / "run", settings=replace(TINY, text=str(tmp_path / "text.txt")))
    assert "world_loss" not in result["readings"]["anchored"][0]


def test_what_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="must have documents"):
        carried_out(self_consume, TINY, Countdown(), tmp_path / "one")
    (tmp_path / "text.txt").write_text("a line of some text that is long enough to count\n" * 2000, encoding="utf-8")
    with pytest.raises(ConfigError, match="verify must have a task that knows"):
        carry_out(tmp_path / "two", settings=replace(TINY, text=str(tmp_path / "text.txt"), verify=(1.0, 0.5)))
    with pytest.raises(ConfigError, match="beams must go on after words of real documents"):
        carry_out(tmp_path / "beams", settings=replace(TINY, beams=3, prompted=0.9))
    never = replace(TINY, verify=(1.0, 0.0))  # a model that knows so little says nothing true
    with pytest.raises(ConfigError, match="something of what is written must be kept"):
        carry_out(tmp_path / "three", settings=never)
