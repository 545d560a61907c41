"""When a claim holds, and how it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from pawl.claims import named
from pawl.claims.claim import Check, Claim, judged
from pawl.claims.page import told, whole_page
from pawl.cli import main
from pawl.terminal import claims_in_words

LARGE = Claim("large", "The number is large.", "Nobody 1900", "It was 10.", "A number.",
              (Check("number", "the number", low=5, published="10"), Check("other", "another", -1, 1)),
              lambda seed: {"number": 4.0 + seed, "other": 0.5})
SMALL = replace(LARGE, name="small", checks=(Check("number", "the number", high=4.5),))


def test_a_claim_holds_where_all_its_checks_do_on_the_mean() -> None:
    verdict = judged(LARGE)
    assert verdict.holds and [finding.values for finding in verdict.findings] == [(4, 5, 6), (0.5, 0.5, 0.5)]
    assert not judged(LARGE, seeds=(0,)).holds and not judged(SMALL).holds
    assert judged(replace(SMALL, should_hold=False)).as_expected and not judged(SMALL).as_expected


def test_bounds_are_told_in_words() -> None:
    assert [Check("n", "n", low, high).bounds for low, high in ((1, 2), (0.5, float("inf")), (float("-inf"), 3))] == [
        "1 to 2", "at least 0.5", "at most 3"]


def test_the_page_has_every_number() -> None:
    page = whole_page([judged(LARGE), judged(SMALL)], "this machine")
    assert "| the number | 5 (4 to 6) | at least 5 | 10 | yes |" in page
    assert "| the number | 5 (4 to 6) | at most 4.5 |  | no |" in page
    assert "[small](#small): The number is large. | no | 3 |" in page and "On this machine." in page


def test_the_terminal_says_which_check_failed() -> None:
    words = claims_in_words({"claims": [told(judged(LARGE)), told(judged(SMALL))]})
    assert "large holds" in words and "small does not hold" in words and "NO" in words


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    monkeypatch.chdir(tmp_path)

    def know(*claims: Claim) -> None:
        monkeypatch.setattr(named, "CLAIMS", {claim.name: claim for claim in claims})

    return know


def test_the_command_fails_when_a_claim_that_should_hold_does_not(known: Callable[..., None]) -> None:
    known(LARGE, SMALL)
    result = CliRunner().invoke(main, ["claims", "--json"])
    rows = json.loads(result.stdout.splitlines()[-1])["claims"]
    assert result.exit_code == 1 and [row["holds"] for row in rows] == [True, False]
    assert rows[0].keys() >= {"name", "holds", "published", "measured", "seeds", "seconds"}
    assert CliRunner().invoke(main, ["claims", "large"]).exit_code == 0
    assert CliRunner().invoke(main, ["claims", "larg"]).exit_code == 2
    known(replace(SMALL, should_hold=False))
    assert CliRunner().invoke(main, ["claims"]).exit_code == 0


def test_all_claims_write_the_page_where_there_is_one(known: Callable[..., None], tmp_path: Path) -> None:
    known(LARGE)
    CliRunner().invoke(main, ["claims"])
    assert not list(tmp_path.iterdir())
    (tmp_path / "docs").mkdir()
    CliRunner().invoke(main, ["claims", "--seeds", "1"])
    assert not list((tmp_path / "docs").iterdir())
    CliRunner().invoke(main, ["claims"])
    assert "# Published results" in (tmp_path / "docs" / "claims.md").read_text(encoding="utf-8")
    CliRunner().invoke(main, ["claims", "large", "--page", "mine.md"])
    assert (tmp_path / "mine.md").exists()
