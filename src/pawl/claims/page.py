"""What was found of the claims, as a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pawl.claims.claim import Finding, Verdict

HEAD = """# Published results, measured again

`pawl claims` measured what stands here and wrote this page; `pawl claims NAME` measures one, `--seeds 20` with as
many seeds. What is asserted is a direction and a least size, as the protocols are scaled down; a
claim holds where all its checks do, on the mean over seeds.
"""
ROUNDED = 9
"""Digits after the point: what sums of floats leave of 0 is 0."""


def whole_page(verdicts: Sequence[Verdict], machine: str) -> str:
    """All claims in Markdown: a table of them, then each with its checks."""
    table = ["| claim | holds | seeds | seconds |", "|---|---|---|---|"]
    table += [f"| [{one.claim.name}](#{one.claim.name}): {one.claim.title} | {_holds(one.holds)} | "
              f"{len(one.seeds)} | {one.seconds:.0f} |" for one in verdicts]
    return "\n\n".join([HEAD.strip(), f"On {machine}.", "\n".join(table), *map(_section, verdicts)]) + "\n"


def _section(verdict: Verdict) -> str:
    claim = verdict.claim
    rows = ["| measured | is | must be | published | holds |", "|---|---|---|---|---|"]
    rows += [f"| {one.check.says} | {value(one)} | {one.check.bounds} | {one.check.published} | {_holds(one.holds)} |"
             for one in verdict.findings]
    told = [f"## {claim.name}", claim.title, f"*{claim.source}.* {claim.published}", f"Here: {claim.protocol}",
            "\n".join(rows)]
    return "\n\n".join([*told, claim.remark] if claim.remark else told)


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
            "seeds": list(verdict.seeds), "seconds": verdict.seconds}


def _holds(holds: bool) -> str:
    return "yes" if holds else "no"
