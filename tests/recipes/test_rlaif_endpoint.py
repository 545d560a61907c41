"""RLAIF by a critic at an endpoint: a server that likes short stories, from the first request to the report."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import carried_out

from pawl.errors import TrainingError
from pawl.ledger import Ledger
from pawl.recipes import rlaif
from pawl.recipes.rlaif import Settings
from pawl.tasks.stories import Stories
from served import Request, Response, Server, said, serving

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "depth": 1, "tokenizer": "bpe-400", "base_steps": 40, "batch": 32, "comparisons": 600, "revised": 48,
    "revisions": 2, "generations": 1, "rounds": 2, "problems": 8, "attempts": 4, "max_tokens": 16,
    "test_problems": 32, "device": "cpu",
}
TASK = Stories(nouns=10)
LIKED = "Be brief."


def answers(text: str) -> list[str]:
    """Those that a prompt shows."""
    return [found[1] for found in re.finditer(r"\[\w+: answer[^\]\n]*\]?\n(.*?)\n?\[", text, re.DOTALL)]


def words(answer: str) -> int:
    return len(answer.split())


def likes_short(request: Request) -> Response:
    """What a reader says who wants answers to be short."""
    shown = answers(request.text)
    assert LIKED in request.text and 1 <= len(shown) <= 2
    match request.text.split()[1]:
        case "judge":
            return said(str(max(1, 10 - words(shown[0]))), places=({str(max(1, 10 - words(shown[0]))): 1.0},))
        case "compare":
            first, second = map(words, shown)
            chance = 0.5 if first == second else float(first < second)
            return said("A", places=({"A": max(chance, 1e-9), "B": max(1 - chance, 1e-9)},))
        case "criticise":
            return said("It is too long.")
        case _:
            return said(" ".join(shown[0].split()[:-1]) or "So.")


def settings(server: Server, path: Path, **changes: Any) -> Settings:
    written = path / "liked.txt"
    written.write_text(f"{LIKED}\n", encoding="utf-8")
    return Settings(**SMALL | {"principles": str(written), "critic": (server.url, "reader")} | changes)


def test_a_policy_becomes_what_a_model_at_an_endpoint_asks_for(tmp_path: Path) -> None:
    with serving(likes_short) as server:
        result = carried_out(rlaif, settings(server, tmp_path), TASK, tmp_path / "run")
        assert {request.body["model"] for request in server.requests} == {"reader"}
    assert result["revisions"][0]["kept"] < result["revisions"][1]["kept"] < result["revisions"][2]["kept"]
    assert result["critic"] == "reader" and result["principles"] == [LIKED]
    with Ledger.open(tmp_path / "run" / "run.db", read_only=True) as ledger:
        told = next(row for row in ledger.generations() if row.notes[0] == "reward model")
    assert told.metrics["foreseen"] > 0.6
    assert "unanswered" not in json.dumps(told.notes)


def test_an_endpoint_that_goes_down_stops_the_run_and_what_it_said_is_not_asked_again(tmp_path: Path) -> None:
    asked, most = list[str](), 400

    def mortal(request: Request) -> Response:
        if len(asked) >= most:
            return Response({"error": {"message": "no more"}}, status=400)
        asked.append(request.text)
        return likes_short(request)

    with serving(mortal) as server:
        few = settings(server, tmp_path, revisions=0)
        with pytest.raises(TrainingError, match="questions unanswered") as raised:
            carried_out(rlaif, few, TASK, tmp_path / "run")
        assert "pawl resume" in str(raised.value.hint)
        most = 10**9
        result = carried_out(rlaif, few, TASK, tmp_path / "run")
    assert len(asked) == len(set(asked)) > 400 and result["critic"] == "reader"
