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
from pawl.claims.page import KEPT, PAGE, recalled, told, whole_page
from pawl.cli import main
from pawl.terminal import claims_in_words

CHECKOUT = Path(__file__).parents[2]
LARGE = Claim("large", "The number is large.", "Nobody 1900", "It was 10.", "A number.",
              (Check("number", "the number", low=5, published="10"), Check("other", "another", -1, 1)),
              lambda seed: {"number": 4.0 + seed, "other": 0.5})
SMALL = replace(LARGE, name="small", checks=(Check("number", "the number", high=4.5),))


def test_a_claim_holds_where_all_its_checks_do_on_the_mean() -> None:
    verdict = judged(LARGE)
    assert verdict.holds and [finding.values for finding in verdict.findings] == [(4, 5, 6), (0.5, 0.5, 0.5)]
    assert not judged(LARGE, seeds=[0]).holds and not judged(SMALL).holds
    assert judged(replace(SMALL, should_hold=False)).as_expected and not judged(SMALL).as_expected


def test_bounds_are_told_in_words() -> None:
    assert [Check("n", "n", low, high).bounds for low, high in ((1, 2), (0.5, float("inf")), (float("-inf"), 3))] == [
        "1 to 2", "at least 0.5", "at most 3"]


def test_the_page_has_every_number() -> None:
    page = whole_page([judged(LARGE, machine="this machine"), judged(SMALL)])
    assert "| the number | 5 (4 to 6) | at least 5 | 10 | yes |" in page
    assert "| the number | 5 (4 to 6) | at most 4.5 |  | no |" in page
    assert "[small](#small): The number is large. | no | 3 |" in page and page.count(" s on this machine.") == 1


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


def claims(*arguments: str) -> int:
    return CliRunner().invoke(main, ["claims", *arguments]).exit_code


def test_a_claim_is_put_in_its_place_on_the_page_of_a_checkout(known: Callable[..., None], tmp_path: Path) -> None:
    page, kept = tmp_path / PAGE, tmp_path / KEPT
    known(LARGE, SMALL)
    page.parent.mkdir()
    claims()
    assert not list(page.parent.iterdir())  # somebody else's docs
    kept.write_text("{}", encoding="utf-8")
    claims("small")
    claims("large", "--seeds", "4")
    assert "| no | 3 |" in page.read_text(encoding="utf-8") and "| no | 4 |" not in page.read_text(encoding="utf-8")
    assert list(json.loads(kept.read_text(encoding="utf-8"))) == ["large", "small"]
    claims("large", "--seeds", "2")
    assert [found.seeds for found in recalled({"large": LARGE, "small": SMALL})] == [4, 3]  # too few are not kept
    assert recalled({"small": SMALL}) == [found for found in recalled({"large": LARGE, "small": SMALL})
                                          if found.claim == SMALL]
    changed = replace(SMALL, checks=(Check("other", "another"),))
    assert [found.claim.name for found in recalled({"large": LARGE, "small": changed})] == ["large"]


def test_what_was_kept_is_left_alone_when_it_cannot_be_read(known: Callable[..., None], tmp_path: Path) -> None:
    known(LARGE)
    (tmp_path / KEPT).parent.mkdir()
    (tmp_path / KEPT).write_text("{", encoding="utf-8")
    result = CliRunner().invoke(main, ["claims"])
    assert result.exit_code != 0 and "claims.json must be JSON" in result.output
    assert (tmp_path / KEPT).read_text(encoding="utf-8") == "{"


def test_a_page_of_its_own_can_be_asked_for(known: Callable[..., None], tmp_path: Path) -> None:
    known(replace(LARGE, seeds=5))
    claims("large", "--page", "mine.md")
    assert "| yes | 5 |" in (tmp_path / "mine.md").read_text(encoding="utf-8")


def test_the_page_of_this_checkout_tells_every_claim_as_it_was_kept() -> None:
    found = recalled(named.CLAIMS, CHECKOUT)
    assert [one.claim.name for one in found] == list(named.CLAIMS) and all(one.as_expected for one in found)
    assert (CHECKOUT / PAGE).read_text(encoding="utf-8") == whole_page(found)
