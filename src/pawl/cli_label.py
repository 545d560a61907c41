"""The command by which a person says which of two answers is better: words only, as in `cli.py`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pawl.cli_parts import json_option, run_directory, say
from pawl.terminal import plain

if TYPE_CHECKING:
    from pawl.labels import Asked

ANSWERS = {"1": "first", "2": "second", "n": "neither"}
QUIT = "q"


@click.command()
@run_directory
@json_option
def label(directory: Path, as_json: bool) -> None:
    """Say which of two answers is better, for a run that waits.

    Every answer is kept at once: stop whenever you like, and go on later.
    """
    from pawl.labels import label as keep
    from pawl.labels import read_questions, unlabelled
    from pawl.run_directory import RunDirectory

    with RunDirectory.open(directory, read_only=True):
        waiting = unlabelled(directory)
    choice, said = click.Choice([*ANSWERS, QUIT]), 0
    for number, question in enumerate(waiting, start=1):
        click.echo(plain(_shown(question, number, len(waiting))), err=as_json)
        answer = str(click.prompt("1, 2, n for neither, q to stop", type=choice, show_choices=False, err=True))
        if answer == QUIT:
            break
        better: Any = ANSWERS[answer]
        keep(directory, question, better)
        said += 1
    left = len(waiting) - said
    result = {"labels": len(read_questions(directory)) - left, "new": said, "left": left, "out": str(directory)}
    say(result, _in_words, as_json)


def _shown(question: Asked, number: int, count: int) -> str:
    from pawl.judges.wording import text_of

    first, second = question.first.strip(), question.second.strip()
    return f"\n{number} of {count}\n\n{text_of(question.prompt)}\n\n[1] {first}\n\n[2] {second}\n"


def _in_words(result: dict[str, Any]) -> str:
    kept = f"{result['labels']} pairs compared, {result['left']} left."
    return kept if result["left"] else f"{kept} Go on with: pawl resume {shlex.quote(result['out'])}"
