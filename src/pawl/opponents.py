"""Games and players from the words that name them: what `pawl play` and `pawl gtp` are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pawl import plugins
from pawl.errors import CheckpointError, ConfigError
from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.ledger import Ledger
from pawl.models.board_policy import BoardPolicy, load_board_policy
from pawl.models.checkpoint import fingerprint
from pawl.players.gtp_engine import GTPEngine
from pawl.players.named import exact_player, minimax_player
from pawl.players.open_spiel_bot import SEARCH, OpenSpielBot
from pawl.players.simple import RandomPlayer, SearchPlayer, rollout_player
from pawl.run_directory import RunDirectory
from pawl.search.boards import BoardSearch
from pawl.tasks.board import Board

SIMULATIONS = 64
SORTS = ("random", "mcts:PLAYOUTS", "minimax:DEPTH", "exact", "gtp:COMMAND", "open_spiel:mcts:SIMULATIONS",
         "open_spiel:BOT", "a run or a checkpoint")
"""Of players."""


def open_game(name: str) -> Game:
    """A game of Pawl's, of one's own (`module:name`), or else of OpenSpiel by its name. Raises ConfigError for a task
    that is none."""
    known = plugins.names("tasks")
    part: Any = plugins.find("tasks", name) if name in known or (":" in name and "(" not in name) else None
    found = Board(game=name) if part is None else part() if isinstance(part, type) else part
    if not isinstance(found, Game):
        raise ConfigError(f"a game must have players and boards, got the task {name!r}",
                          hint="connect_four, a game of OpenSpiel such as chess, or module:name")
    return found


def open_network(path: Path) -> BoardPolicy:
    """The champion of a run directory, or a checkpoint. Raises CheckpointError or RunError."""
    if (path / "run.db").is_file():
        with RunDirectory.open(path, read_only=True) as directory, Ledger.open(directory.ledger_path,
                                                                              read_only=True) as ledger:
            if ledger.champion is None:
                raise CheckpointError(f"a run must have a champion, {path} has none yet")
            path = directory.verify(ledger.champion, fingerprint)
    return load_board_policy(path)


def open_player(words: str, game: Game, rules: ManyBoards, *, simulations: int = SIMULATIONS) -> BoardPlayer:
    """A player by its sort: see `SORTS`. Raises ConfigError for one that is none, or that does not play this game."""
    sort, _, rest = words.partition(":")
    if sort == "random" and not rest:
        return RandomPlayer(rules)
    if sort == "mcts":
        return rollout_player(rules, _count(rest, words))
    if sort == "gtp" and rest:
        return GTPEngine(rest, game)
    if sort == "minimax":
        return minimax_player(game, rules, _count(rest, words))
    if sort == "exact" and not rest:
        return exact_player(game, rules)
    if sort == "open_spiel":
        return _open_spiel_bot(rest, game, words)
    if words and Path(words).is_dir():
        network = open_network(Path(words))
        if network.game != game.name:
            raise ConfigError(f"a network must have learnt the game that it plays, got {words}, which learnt "
                              f"{network.game}, for {game.name}")
        return SearchPlayer(BoardSearch(rules, network, simulations), f"with {simulations} simulations")
    raise ConfigError(f"a player must be one of {', '.join(SORTS)}, got {words!r}")


def _open_spiel_bot(words: str, game: Game, all_words: str) -> BoardPlayer:
    bot, colon, number = words.partition(":")
    if bot == SEARCH:
        return OpenSpielBot(bot, game, simulations=_count(number, all_words))
    if colon:
        raise ConfigError(f"a player must be a bot by its name, got {all_words!r}", hint="numbers are mcts's alone")
    return OpenSpielBot(bot, game)


def _count(text: str, words: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ConfigError(f"a player must say how far it thinks, got {words!r}", hint="as in mcts:200 or minimax:5")
    return int(text)
