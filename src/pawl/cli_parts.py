"""What the commands of `pawl` share: options, how they fail, and how they print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from pawl.errors import PawlError, UnknownNameError
from pawl.terminal import json_line, plain

if TYPE_CHECKING:
    from pawl.records import Event

FOUND_SOMETHING, MISTAKE, INTERRUPTED = 1, 2, 130

DIRECTORY = "pawl.directory"
KEYS: dict[str, Any] = {"ignore_unknown_options": True}
PATH = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)


class Commands(click.Group):
    """Prints a PawlError in words, names the nearest command, and says how to go on after Ctrl-C."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise UnknownNameError("command", args[0], self.commands)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PawlError as error:
            _fail(error)
        except KeyboardInterrupt:
            directory = ctx.meta.get(DIRECTORY) or "DIR"
            click.echo(f"stopped; what was committed is kept, go on with: pawl resume {directory}", err=True)
            sys.exit(INTERRUPTED)


def _fail(error: PawlError) -> NoReturn:
    click.echo(plain(f"error: {error}"), err=True)
    sys.exit(MISTAKE)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object as the last line of stdout."
)
key_words = click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--key value ...]")
profile_option = click.option(
    "--profile", is_flag=True, help="Say where the time goes: a table, and DIR/profile.html with flame graphs."
)
run_directory = click.argument("directory", type=PATH, metavar="DIR")


def watched(work: Callable[[Callable[[Event], None]], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, its events shown on stderr meanwhile."""
    from pawl.progress import watch

    with watch() as notify:
        return work(notify)


def say(result: Mapping[str, Any], in_words: Callable[[Any], str], as_json: bool) -> None:
    """A result on stdout, in words or as JSON."""
    click.echo(json_line(result) if as_json else plain(in_words(result)))
