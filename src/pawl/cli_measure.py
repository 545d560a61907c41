"""The commands that measure data, Pawl itself and what was published: words only, as in `cli.py`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from pawl.cli_parts import COUNT, FOUND_SOMETHING, PATH, json_option, say
from pawl.errors import UnknownNameError
from pawl.terminal import audit_in_words, bench_in_words, claim_in_words, claims_in_words


@click.command()
@click.argument("data", type=PATH)
@click.option("--reference", type=PATH, help="Real data of the same kind, to say what is lost.")
@click.option("--column", help="Holds the text of a row; text, content, completion and such are found.")
@click.option("--page", type=PATH, help="Where to write the page; NAME.audit.html when left out.")
@json_option
def audit(data: Path, reference: Path | None, column: str | None, page: Path | None, as_json: bool) -> None:
    """Say whether DATA is safe to train on.

    Reads JSONL, CSV, Parquet or text of any size in bounded memory, and says what is there twice, how varied it is,
    and what the reference has that it lacks. Fails when it has collapsed.
    """
    from pawl.audit.audit import audit as audited
    from pawl.report_audit import write_audit

    found = audited(data, reference, column=column, notify=lambda said: click.echo(said, err=True)).record()
    target = write_audit(found, page or Path(f"{data.stem}.audit.html"))
    say(found | {"page": str(target)}, audit_in_words, as_json)
    sys.exit(FOUND_SOMETHING if found["verdict"] == "collapsed" else 0)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option("--seeds", type=COUNT, help="How many each; as many as the claim takes when left out, 3 for most.")
@click.option("--page", type=PATH, help="Write a page of what was found; in a checkout docs/claims.md is kept up.")
@json_option
def claims(names: Sequence[str], seeds: int | None, page: Path | None, as_json: bool) -> None:
    """Measure published results again.

    Without a NAME all of them. Fails when one that was found to hold does not.
    """
    from pawl.claims.claim import judged
    from pawl.claims.named import CLAIMS
    from pawl.claims.page import KEPT, keep, told, whole_page
    from pawl.peak import measure_peak
    from pawl.report import write_whole

    for name in names:
        if name not in CLAIMS:
            raise UnknownNameError("claim", name, CLAIMS)
    machine, verdicts = measure_peak().sentence(), []
    for name in names or CLAIMS:
        with click.progressbar(range(seeds or CLAIMS[name].seeds), label=name, file=sys.stderr) as bar:
            verdicts.append(found := judged(CLAIMS[name], bar, machine=machine))
        click.echo(claim_in_words(told(found)), err=True)
        if KEPT.is_file() and found.seeds >= found.claim.seeds:
            keep(found, CLAIMS)
    if page is not None:
        write_whole(whole_page(verdicts), page)
    say({"claims": list(map(told, verdicts))}, claims_in_words, as_json)
    sys.exit(0 if all(verdict.as_expected for verdict in verdicts) else FOUND_SOMETHING)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@json_option
def bench(names: Sequence[str], as_json: bool) -> None:
    """Measure Pawl side by side with its peers.

    Without a NAME all but grpo-curve and time-to-accuracy, which take ten minutes and a quarter of an hour.
    """
    from pawl.bench import grpo_curve, policy_step, sampling, scaling, self_play, start, time_to_accuracy, tree
    from pawl.peak import machine, measure_peak

    known: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "sampling": sampling.run, "tree": tree.run, "policy-step": policy_step.run,
        "self-play": self_play.run, "start": start.run, "scaling": scaling.run}
    slow: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "grpo-curve": grpo_curve.run, "time-to-accuracy": time_to_accuracy.run}
    for name in names:
        if name not in known | slow:
            raise UnknownNameError("bench", name, known | slow)
    peak = machine(measure_peak())
    results = [row for name in names or known for row in (known | slow)[name]()]
    say({"results": results, **peak}, bench_in_words, as_json)
