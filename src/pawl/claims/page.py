"""What was found of the claims, as a page for people, and kept beside it so that one claim can be measured anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pawl.claims.claim import Claim, Finding, Verdict
from pawl.errors import RunError
from pawl.report import write_whole

PAGE, KEPT = Path("docs/claims.md"), Path("docs/claims.json")
"""Of a checkout of Pawl: what is read, and the numbers that are told in it."""

HEAD = """# Published results, measured again

`pawl claims` measured what stands here and wrote this page; `pawl claims NAME` measures one anew and puts it in its
place, `--seeds 20` with as many seeds. What is asserted is a direction and a least size, as the protocols are scaled
down; a claim holds where all its checks do, on the mean over seeds.
"""
ROUNDED = 9
"""Digits after the point: what sums of floats leave of 0 is 0."""


def whole_page(verdicts: Sequence[Verdict]) -> str:
    """All claims in Markdown: a table of them, then each with its checks."""
    table = ["| claim | holds | seeds | seconds |", "|---|---|---|---|"]
    table += [f"| [{one.claim.name}](#{one.claim.name}): {one.claim.title} | {_holds(one.holds)} | "
              f"{one.seeds} | {one.seconds:.0f} |" for one in verdicts]
    return "\n\n".join([HEAD.strip(), "\n".join(table), *map(_section, verdicts)]) + "\n"


def keep(verdict: Verdict, claims: Mapping[str, Claim], folder: Path = Path()) -> None:
    """Puts a claim's numbers in the place of what was kept of it in a checkout, and writes the page anew. Raises
    RunError where what was kept cannot be read."""
    rows = _kept(folder / KEPT)
    rows[verdict.claim.name] = {"seeds": verdict.seeds, "seconds": round(verdict.seconds, 1),
                                "machine": verdict.machine,
                                "values": {one.check.number: list(one.values) for one in verdict.findings}}
    rows = {name: rows[name] for name in claims if name in rows}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    write_whole(f"{{\n{lines}\n}}\n", folder / KEPT)
    write_whole(whole_page(recalled(claims, folder)), folder / PAGE)


def recalled(claims: Mapping[str, Claim], folder: Path = Path()) -> list[Verdict]:
    """What was kept of claims that check today what they checked then."""
    return [
        Verdict(claim, tuple(Finding(check, tuple(row["values"][check.number])) for check in claim.checks),
                row["seeds"], row["seconds"], row["machine"])
        for name, row in _kept(folder / KEPT).items()
        if (claim := claims.get(name)) and {check.number for check in claim.checks} == row["values"].keys()]


def _kept(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RunError(f"{path} must be JSON as pawl claims writes it: {error}",
                       hint="undo what was changed in it") from error


def _section(verdict: Verdict) -> str:
    claim = verdict.claim
    rows = ["| measured | is | must be | published | holds |", "|---|---|---|---|---|"]
    rows += [f"| {one.check.says} | {value(one)} | {one.check.bounds} | {one.check.published} | {_holds(one.holds)} |"
             for one in verdict.findings]
    told = [f"## {claim.name}", claim.title, f"*{claim.source}.* {claim.published}", f"Here: {claim.protocol}",
            "\n".join(rows), claim.remark, f"In {verdict.seconds:.0f} s on {verdict.machine}." * bool(verdict.machine)]
    return "\n\n".join(filter(None, told))


def value(finding: Finding) -> str:
    """The mean, and all seeds' range."""
    mean, low, high = (f"{round(number, ROUNDED):.3g}" for number in (
        finding.mean, min(finding.values), max(finding.values)))
    return f"{mean} ({low} to {high})"


def told(verdict: Verdict) -> dict[str, Any]:
    """What `--json` says of a claim."""
    return {"name": verdict.claim.name, "title": verdict.claim.title, "holds": verdict.holds,
            "should_hold": verdict.claim.should_hold, "published": verdict.claim.published,
            "measured": [{"name": one.check.number, "says": one.check.says, "values": list(one.values),
                          "mean": one.mean, "must_be": one.check.bounds, "holds": one.holds}
                         for one in verdict.findings],
            "seeds": verdict.seeds, "seconds": verdict.seconds}


def _holds(holds: bool) -> str:
    return "yes" if holds else "no"
