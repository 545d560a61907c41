"""The commands that are about board games: words only, as in `cli.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pawl.cli_parts import COUNT, PATH, json_option, say, watched
from pawl.terminal import json_line, match_in_words


@click.command()
@click.argument("name", metavar="GAME")
@click.option("--model", type=PATH, help="A run or a checkpoint: it plays against you and gives hints.")
@click.option("--opponent", help="random, mcts:PLAYOUTS, minimax:DEPTH, exact, gtp:COMMAND or open_spiel:BOT instead.")
@click.option("--simulations", type=COUNT, default=64, show_default=True, help="That search thinks with.")
@click.option("--second", is_flag=True, help="The other begins.")
@click.option("--load", type=PATH, help="Go on with a saved game.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the other's luck.")
@json_option
def play(name: str, model: Path | None, opponent: str | None, simulations: int, second: bool, load: Path | None,
         seed: int, as_json: bool) -> None:
    """Play a board game against a model or another player.

    GAME is connect_four, a game of OpenSpiel such as tic_tac_toe or "go(board_size=7)", or MODULE:NAME.
    """
    from pawl.opponents import network_search, open_game, open_network, open_player
    from pawl.players.simple import Playouts
    from pawl.search.boards import BoardSearch
    from pawl.tasks.one_by_one import many_boards
    from pawl.terminal_board import Sitting, load_game

    game = open_game(name)
    rules = many_boards(game)
    other = open_player(opponent or (str(model) if model else "mcts:200"), game, rules, simulations=simulations)
    hints = (network_search(open_network(model), game, rules, simulations) if model
             else BoardSearch(rules, Playouts(rules, seed), 8 * simulations, rule="uct"))
    person, line = load_game(load, game) if load else (int(second), [])
    sitting = Sitting(game, rules, other, person, lambda words: str(click.prompt(words, err=True)),
                      lambda words: click.echo(words, err=as_json), hints, seed, line)
    result = sitting.play()
    say({"game": game.name, "result": result, "moves": sitting.line}, lambda told: str(told["result"]), as_json)


@click.command()
@click.argument("name", metavar="GAME")
@click.argument("first")
@click.argument("second")
@click.option("--openings", type=COUNT, default=50, show_default=True, help="At most, each from both sides.")
@click.option("--simulations", type=COUNT, default=64, show_default=True, help="That networks think with.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of openings and luck.")
@json_option
def match(name: str, first: str, second: str, openings: int, simulations: int, seed: int, as_json: bool) -> None:
    """Let two players of a board game meet.

    FIRST and SECOND are runs, checkpoints, random, mcts:PLAYOUTS, minimax:DEPTH, exact, gtp:COMMAND or open_spiel:BOT.
    """
    from pawl.opponents_match import named_match

    result = watched(lambda notify: named_match(name, first, second, openings=openings, simulations=simulations,
                                                    seed=seed, notify=notify))
    say(result, match_in_words, as_json)


@click.command()
@click.option("--model", type=PATH, required=True, help="A run on a board game, or a checkpoint.")
@click.option("--task", help="The game, where a checkpoint's is your own: module:name. A run knows its own.")
@click.option("--simulations", type=COUNT, default=64, show_default=True, help="That it thinks with.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of its luck.")
@json_option
def gtp(model: Path, task: str | None, simulations: int, seed: int, as_json: bool) -> None:
    """Let other programs play against a model.

    Speaks the Go Text Protocol on stdin and stdout, until it is told to quit.
    """
    from pawl.gtp import Session
    from pawl.opponents import network_player, open_model
    from pawl.tasks.one_by_one import many_boards

    game, network = open_model(model, task)
    rules = many_boards(game)
    session = Session(game, rules, network_player(network, game, rules, simulations, model), seed=seed)
    for answer in session.answers(sys.stdin):
        click.echo(answer, nl=False)
        sys.stdout.flush()
    if as_json:
        click.echo(json_line({"game": game.name, "moves": session.line}))
