"""The `pawl` command: words only. Each command hands its words to the library and prints what comes back.

Data goes to stdout, the rest to stderr. With `--json` the last line of stdout is one JSON object. Exit codes: 0 done,
1 a check found something, 2 a mistake that the message names, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import click

from pawl.cli_games import gtp, match, play
from pawl.cli_label import label
from pawl.cli_measure import audit, bench, claims
from pawl.cli_parts import (
    COUNT,
    DIRECTORY,
    FOUND_SOMETHING,
    KEYS,
    PATH,
    Commands,
    json_option,
    key_words,
    profile_option,
    run_directory,
    say,
    watched,
)
from pawl.errors import ConfigError
from pawl.search.named import SEARCHES
from pawl.terminal import (
    evaluation_in_words,
    export_in_words,
    keys_in_words,
    plain,
    profile_in_words,
    run_in_words,
    table,
)


@click.group(cls=Commands)
@click.version_option(package_name="pawl", message="%(version)s")
def main() -> None:
    """A model improves itself, and keeps the gain."""


for _command in (play, match, gtp, label, audit, claims, bench):
    main.add_command(_command)


@main.command(context_settings=KEYS, add_help_option=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RECIPE] [--key value ...]")
@click.option("--config", type=PATH, help="Settings from a TOML file; keys on the command line go before it.")
@click.option("--out", type=PATH, help="The run directory: new or empty.")
@profile_option
@json_option
@click.option("--help", "wants_help", is_flag=True, help="Show this, with the keys of the recipe and its task.")
@click.pass_context
def run(ctx: click.Context, /, words: Sequence[str], config: Path | None, wants_help: bool, **options: Any) -> None:
    """Run a recipe from start to end.

    RECIPE is one that `pawl recipes` lists, and may be left out where --task names a task.
    """
    from pawl.config import from_words, read_toml
    from pawl.plugins import DEFAULT_RECIPE

    named = list(words[:1]) if words and not words[0].startswith("--") else []
    values = (read_toml(config) if config else {}) | from_words(words[len(named) :])
    recipe = values.pop("recipe", DEFAULT_RECIPE if "task" in values else None)
    recipe = named[0] if named else recipe
    if wants_help:
        _print_help(ctx, recipe, values.get("task"))
    elif recipe is None:
        raise ConfigError("a recipe or a task must be named", hint="pawl recipes and pawl tasks list them")
    else:
        from pawl.recipes.launch import launch

        ctx.meta[DIRECTORY] = options["out"]
        result = watched(lambda notify: launch(recipe, values, options["out"], notify,
                                                profile=options["profile"]))
        _print_run(result, options["as_json"])


@main.command()
@run_directory
@profile_option
@json_option
@click.pass_context
def resume(ctx: click.Context, directory: Path, profile: bool, as_json: bool) -> None:
    """Take a run up where it stopped."""
    from pawl.recipes import launch

    ctx.meta[DIRECTORY] = directory
    result = watched(lambda notify: launch.resume(directory, notify, profile=profile))
    _print_run(result, as_json)


@main.command()
@run_directory
@json_option
def report(directory: Path, as_json: bool) -> None:
    """Write a run's report again: DIR/report.html."""
    from pawl.ledger import Ledger
    from pawl.report import write_report
    from pawl.run_directory import RunDirectory

    run = RunDirectory.open(directory, read_only=True)
    with Ledger.open(run.ledger_path, read_only=True) as ledger:
        path = write_report(ledger, run.report_path)
    say({"report": str(path)}, lambda result: result["report"], as_json)


def _page(ctx: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """A file to write a page to; that its folder is there is seen before the work begins."""
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"--{option.name} must name a file in a folder that exists, got {str(path)!r}")
    return path


def _searches() -> str:
    """What `--search` takes and `--budget` counts, a line each, for help."""
    rows = [(f"  {name}", search.sentence, search.counts) for name, search in SEARCHES.items()]
    return f"\b\nSearches, and what their budget counts:\n{table(rows)}"


@main.command("eval", context_settings=KEYS, epilog=_searches())
@click.argument("model")
@click.option("--task", help="A task that `pawl tasks` lists, or module:name; a run's own when left out.")
@click.option("--split", type=click.Choice(["train", "gate", "test"]), default="test", show_default=True)
@click.option("--problems", type=COUNT, default=1000, show_default=True, help="How many problems at most.")
@click.option("--attempts", type=COUNT, default=8, show_default=True, help="Sampled answers to each, for majority.")
@click.option("--max-tokens", type=COUNT, help="Longest answer; a run's own when left out, 256 for another MODEL.")
@click.option("--stop", multiple=True, help="A string that ends an answer, may be repeated; a run's own when left out.")
@click.option("--search", metavar="NAME", help="Think longer, at its price in tokens; the searches stand below.")
@click.option("--budget", type=COUNT, default=16, show_default=True, help="Of a search; what it counts stands below.")
@click.option("--curve", type=click.Path(path_type=Path, dir_okay=False), callback=_page, metavar="FILE.html",
              help="Search at budgets 1, 2, 4, ... up to --budget, and draw accuracy against tokens.")
@click.option("--prior", type=click.Choice(["policy", "uniform"]), default="policy", show_default=True,
              help="Where a search's steps come from: the policy, or the rules, all alike.")
@click.option("--tree", type=PATH, metavar="FILE.html", help="Write the searches of a few problems as a page to read.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, auto, or vllm.")
@click.option("--seed", default=0, show_default=True)
@json_option
@key_words
def evaluate(
    model: str, task: str | None, stop: tuple[str, ...], curve: Path | None, tree: Path | None, as_json: bool,
    words: Sequence[str],
    **options: Any,
) -> None:
    """Score MODEL on a task: greedy, majority, pass@k.

    MODEL is a run directory, a checkpoint directory, or a Hugging Face name. A run's own task keeps the run's settings,
    but for those that are given.
    """
    from pawl.config import from_words
    from pawl.evaluate_checkpoint import evaluate_model
    from pawl.web.tree_page import tree_page

    values, show = from_words(words), tree_page(tree) if tree else None
    result = watched(lambda notify: evaluate_model(model, task, values, stop=stop or None, curve=curve is not None,
                                                   show=show, notify=notify, **options))
    if curve is not None:
        from pawl.report_curve import write_curve

        result["curve_page"] = str(write_curve(result, curve))
    say(result | ({"tree": str(tree)} if tree else {}), evaluation_in_words, as_json)


@main.command()
@run_directory
@click.option("--to", required=True, type=click.Choice(["hf", "jsonl", "parquet", "sft", "dpo", "kto", "stepwise"]),
              help="The format.")
@click.option("--out", type=PATH, help="Where to; DIR/export when left out.")
@click.option("--threshold", default=1.0, show_default=True, help="For TRL: the score from which an attempt is right.")
@click.option("--margin", default=0.5, show_default=True, help="How far below a right or chosen one a wrong one lies.")
@click.option("--pairs", type=COUNT, default=4, show_default=True, help="For dpo, of each problem at most.")
@click.option("--uses", type=COUNT, default=1, show_default=True, help="For dpo, in how many pairs an attempt may be.")
@json_option
def export(directory: Path, to: Any, out: Path | None, as_json: bool, **choice: Any) -> None:
    """Copy a run's champion or its attempts.

    hf is the champion as a Hugging Face checkpoint; jsonl and parquet are the attempts with their verdicts, and the
    selected examples. sft, dpo, kto and stepwise are the attempts as data that TRL's trainers take as they are.
    """
    from pawl.export import export as write
    from pawl.export_trl import Choice

    say(write(directory, to, out, choice=Choice(**choice)), export_in_words, as_json)


@main.command()
@json_option
def tasks(as_json: bool) -> None:
    """List the tasks."""
    _print_names("tasks", as_json)


@main.command()
@json_option
def recipes(as_json: bool) -> None:
    """List the recipes."""
    _print_names("recipes", as_json)


@main.command(context_settings=KEYS)
@click.argument("name", metavar="[FORMAT:]MODULE:NAME")
@json_option
@key_words
def check(name: str, as_json: bool, words: Sequence[str]) -> None:
    """Say what is wrong with a task or reward function.

    FORMAT is trl, verl, verifiers, openrlhf or reasoning-gym for a reward function that was written for it; Pawl's own
    need none. --task asks it about the problems of a task, --judge-range LOW,HIGH says what scores 0 and 1. The keys of
    a task are given as to `pawl run`.
    """
    from pawl.check import check as found
    from pawl.config import from_words

    findings = found(name, from_words(words))
    words_found = "\n".join(findings) or f"{name} keeps its contract"
    say({"name": name, "findings": findings}, lambda _: words_found, as_json)
    sys.exit(FOUND_SOMETHING if findings else 0)


def _print_run(result: Mapping[str, Any], as_json: bool) -> None:
    """What a run came to and, where it was asked for, where its time went: that on stderr."""
    if "profile" in result:
        click.echo(plain(profile_in_words(result["profile"])), err=True)
    say(result, run_in_words, as_json)


def _print_names(group: Literal["tasks", "recipes"], as_json: bool) -> None:
    from pawl.plugins import names

    sentences = names(group)
    rows = [{"name": name, "sentence": sentence} for name, sentence in sentences.items()]
    say({group: rows}, lambda _: table(list(sentences.items())), as_json)


def _print_help(ctx: click.Context, recipe: str | None, task: str | None) -> None:
    """The options of `run`, and the keys of a recipe and its task where they are named."""
    from pawl.config import fields
    from pawl.plugins import find, names

    click.echo(ctx.get_help())
    if recipe is None:
        click.echo(f"\nRecipes:\n{table([(f'  {name}', sentence) for name, sentence in names('recipes').items()])}")
        return
    module = find("recipes", recipe)
    click.echo(f"\nKeys of the recipe {recipe}:\n{keys_in_words(fields(module.Settings))}")
    if task or module.TASK:
        task = task or module.TASK
        click.echo(f"\nKeys of the task {task}:\n{keys_in_words(fields(find('tasks', task)))}")
