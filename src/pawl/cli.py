"""The `pawl` command: words only. Each command hands its words to the library and prints what comes back.

Data goes to stdout, the rest to stderr. With `--json` the last line of stdout is one JSON object. Exit codes: 0 done,
1 a check found something, 2 a mistake that the message names, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

from pawl.errors import ConfigError, PawlError, UnknownNameError
from pawl.search.named import SEARCHES
from pawl.terminal import (
    bench_in_words,
    evaluation_in_words,
    json_line,
    keys_in_words,
    plain,
    profile_in_words,
    run_in_words,
    table,
)

if TYPE_CHECKING:
    from pawl.records import Event

FOUND_SOMETHING, MISTAKE, INTERRUPTED = 1, 2, 130

_DIRECTORY = "pawl.directory"
_KEYS: dict[str, Any] = {"ignore_unknown_options": True}
_PATH = click.Path(path_type=Path)
_COUNT = click.IntRange(min=1)


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
            directory = ctx.meta.get(_DIRECTORY) or "DIR"
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
run_directory = click.argument("directory", type=_PATH, metavar="DIR")


@click.group(cls=Commands)
@click.version_option(package_name="pawl", message="%(version)s")
def main() -> None:
    """A model improves itself, and keeps the gain."""


@main.command(context_settings=_KEYS, add_help_option=False)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[RECIPE] [--key value ...]")
@click.option("--config", type=_PATH, help="Settings from a TOML file; keys on the command line go before it.")
@click.option("--out", type=_PATH, help="The run directory: new or empty.")
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

        ctx.meta[_DIRECTORY] = options["out"]
        result = _watched(lambda notify: launch(recipe, values, options["out"], notify,
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

    ctx.meta[_DIRECTORY] = directory
    result = _watched(lambda notify: launch.resume(directory, notify, profile=profile))
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
    _print({"report": str(path)}, lambda result: result["report"], as_json)


def _page(ctx: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """A file to write a page to; that its folder is there is seen before the work begins."""
    if path is not None and not path.parent.is_dir():
        raise ConfigError(f"--{option.name} must name a file in a folder that exists, got {str(path)!r}")
    return path


def _searches() -> str:
    """What `--search` takes and `--budget` counts, a line each, for help."""
    rows = [(f"  {name}", search.sentence, search.counts) for name, search in SEARCHES.items()]
    return f"\b\nSearches, and what their budget counts:\n{table(rows)}"


@main.command("eval", context_settings=_KEYS, epilog=_searches())
@click.argument("model")
@click.option("--task", help="A task that `pawl tasks` lists, or module:name; a run's own when left out.")
@click.option("--split", type=click.Choice(["train", "gate", "test"]), default="test", show_default=True)
@click.option("--problems", type=_COUNT, default=1000, show_default=True, help="How many problems at most.")
@click.option("--attempts", type=_COUNT, default=8, show_default=True, help="Sampled answers to each, for majority.")
@click.option("--max-tokens", type=_COUNT, help="Longest answer; a run's own when left out, 256 for another MODEL.")
@click.option("--stop", multiple=True, help="A string that ends an answer, may be repeated; a run's own when left out.")
@click.option("--search", metavar="NAME", help="Think longer, at its price in tokens; the searches stand below.")
@click.option("--budget", type=_COUNT, default=16, show_default=True, help="Of a search; what it counts stands below.")
@click.option("--curve", type=click.Path(path_type=Path, dir_okay=False), callback=_page, metavar="FILE.html",
              help="Search at budgets 1, 2, 4, ... up to --budget, and draw accuracy against tokens.")
@click.option("--prior", type=click.Choice(["policy", "uniform"]), default="policy", show_default=True,
              help="Where a search's steps come from: the policy, or the rules, all alike.")
@click.option("--tree", type=_PATH, metavar="FILE.html", help="Write the searches of a few problems as a page to read.")
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
    result = _watched(lambda notify: evaluate_model(model, task, values, stop=stop or None, curve=curve is not None,
                                                    show=show, notify=notify, **options))
    if curve is not None:
        from pawl.report_curve import write_curve

        result["curve_page"] = str(write_curve(result, curve))
    _print(result | ({"tree": str(tree)} if tree else {}), evaluation_in_words, as_json)


@main.command()
@run_directory
@click.option("--to", required=True, type=click.Choice(["hf", "jsonl", "parquet"]), help="The format.")
@click.option("--out", type=_PATH, help="Where to; DIR/export when left out.")
@json_option
def export(directory: Path, to: Literal["hf", "jsonl", "parquet"], out: Path | None, as_json: bool) -> None:
    """Copy a run's champion or its attempts.

    hf is the champion as a Hugging Face checkpoint; jsonl and parquet are the attempts with their verdicts, and the
    selected examples.
    """
    from pawl.export import export as write

    result = write(directory, to, out)
    _print(result, lambda result: "\n".join(result["files"]), as_json)


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


@main.command(context_settings=_KEYS)
@click.argument("name", metavar="MODULE:NAME")
@json_option
@key_words
def check(name: str, as_json: bool, words: Sequence[str]) -> None:
    """Say what is wrong with a task or reward function."""
    from pawl import config, plugins, testing

    part = plugins.find("tasks", name)
    if words:
        [part] = config.build([part], config.from_words(words))
    findings = testing.check(part)
    words_found = "\n".join(findings) or f"{name} keeps its contract"
    _print({"name": name, "findings": findings}, lambda _: words_found, as_json)
    sys.exit(FOUND_SOMETHING if findings else 0)


@main.command()
@click.argument("name", metavar="GAME")
@click.option("--model", type=_PATH, help="A run or a checkpoint: it plays against you and gives hints.")
@click.option("--opponent", help="random, mcts:PLAYOUTS, minimax:DEPTH, exact or gtp:COMMAND instead.")
@click.option("--simulations", type=_COUNT, default=64, show_default=True, help="That search thinks with.")
@click.option("--second", is_flag=True, help="The other begins.")
@click.option("--load", type=_PATH, help="Go on with a saved game.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the other's luck.")
@json_option
def play(name: str, model: Path | None, opponent: str | None, simulations: int, second: bool, load: Path | None,
         seed: int, as_json: bool) -> None:
    """Play a board game against a model or another player.

    GAME is connect_four, a game of OpenSpiel such as tic_tac_toe or "go(board_size=7)", or MODULE:NAME.
    """
    from pawl.opponents import open_game, open_network, open_player
    from pawl.players.simple import Playouts
    from pawl.search.boards import BoardSearch
    from pawl.tasks.one_by_one import many_boards
    from pawl.terminal_board import Sitting, load_game

    game = open_game(name)
    rules = many_boards(game)
    other = open_player(opponent or (str(model) if model else "mcts:200"), game, rules, simulations=simulations)
    hints = (BoardSearch(rules, open_network(model), simulations) if model
             else BoardSearch(rules, Playouts(rules, seed), 8 * simulations, rule="uct"))
    person, line = load_game(load, game) if load else (int(second), [])
    sitting = Sitting(game, rules, other, person, lambda words: str(click.prompt(words, err=True)),
                      lambda words: click.echo(words, err=as_json), hints, seed, line)
    result = sitting.play()
    _print({"game": game.name, "result": result, "moves": sitting.line}, lambda told: str(told["result"]), as_json)


@main.command()
@click.option("--model", type=_PATH, required=True, help="A run on a board game, or a checkpoint.")
@click.option("--simulations", type=_COUNT, default=64, show_default=True, help="That it thinks with.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of its luck.")
@json_option
def gtp(model: Path, simulations: int, seed: int, as_json: bool) -> None:
    """Let other programs play against a model.

    Speaks the Go Text Protocol on stdin and stdout, until it is told to quit.
    """
    from pawl.gtp import Session
    from pawl.opponents import open_game, open_network
    from pawl.players.simple import SearchPlayer
    from pawl.search.boards import BoardSearch
    from pawl.tasks.one_by_one import many_boards

    network = open_network(model)
    game = open_game(network.game)
    rules = many_boards(game)
    player = SearchPlayer(BoardSearch(rules, network, simulations), f"with {simulations} simulations")
    session = Session(game, rules, player, seed=seed)
    for answer in session.answers(sys.stdin):
        click.echo(answer, nl=False)
        sys.stdout.flush()
    if as_json:
        click.echo(json_line({"game": game.name, "moves": session.line}))


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@json_option
def bench(names: Sequence[str], as_json: bool) -> None:
    """Measure Pawl side by side with its peers.

    Without a NAME all but time-to-accuracy, which takes a quarter of an hour.
    """
    from pawl.bench import policy_step, sampling, scaling, start, time_to_accuracy, tree
    from pawl.peak import machine, measure_peak

    known: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "sampling": sampling.run, "tree": tree.run, "policy-step": policy_step.run, "start": start.run,
        "scaling": scaling.run}
    slow = {"time-to-accuracy": time_to_accuracy.run}
    for name in names:
        if name not in known | slow:
            raise UnknownNameError("bench", name, known | slow)
    told = machine(measure_peak())
    results = [row for name in names or known for row in (known | slow)[name]()]
    _print({"results": results, **told}, bench_in_words, as_json)


def _watched(work: Callable[[Callable[[Event], None]], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns, its events shown on stderr meanwhile."""
    from pawl.progress import watch

    with watch() as notify:
        return work(notify)


def _print_run(result: Mapping[str, Any], as_json: bool) -> None:
    """What a run came to and, where it was asked for, where its time went: that on stderr."""
    if "profile" in result:
        click.echo(plain(profile_in_words(result["profile"])), err=True)
    _print(result, run_in_words, as_json)


def _print(result: Mapping[str, Any], in_words: Callable[[Any], str], as_json: bool) -> None:
    """A result on stdout, in words or as JSON."""
    click.echo(json_line(result) if as_json else plain(in_words(result)))


def _print_names(group: Literal["tasks", "recipes"], as_json: bool) -> None:
    from pawl.plugins import names

    sentences = names(group)
    rows = [{"name": name, "sentence": sentence} for name, sentence in sentences.items()]
    _print({group: rows}, lambda _: table(list(sentences.items())), as_json)


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
