"""Games and players from the words that name them: what `pawl play` and `pawl gtp` are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pawl import plugins
from pawl.config import build
from pawl.errors import CheckpointError, ConfigError, UnknownNameError
from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.ledger import Ledger
from pawl.models.board_policy import BoardPolicy, load_board_policy
from pawl.models.checkpoint import fingerprint
from pawl.players.gtp_engine import GTPEngine
from pawl.players.named import exact_player, minimax_player
from pawl.players.open_spiel_bot import SEARCH, OpenSpielBot
from pawl.players.simple import RandomPlayer, SearchPlayer, rollout_player
from pawl.run_directory import RunDirectory
from pawl.search.averaged import Averaged
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
    return _as_game(Board(game=name) if part is None else part() if isinstance(part, type) else part, name)


def _as_game(part: Any, name: str) -> Game:
    if not isinstance(part, Game):
        raise ConfigError(f"a game must have players and boards, got the task {name!r}",
                          hint="connect_four, a game of OpenSpiel such as chess, or module:name")
    return part


def open_network(path: Path) -> BoardPolicy:
    """The champion of a run directory, or a checkpoint. Raises CheckpointError or RunError."""
    return load_board_policy(_checkpoint(path)[0])


def open_model(path: Path, task: str | None = None) -> tuple[Game, BoardPolicy]:
    """A network, and the game that it learnt: the run's own task, with its settings. A checkpoint without a run stores
    the game's name alone, which finds no game of one's own: `task` says what it is.

    Raises CheckpointError, RunError, and ConfigError for a task that is another game or none.
    """
    checkpoint, run = _checkpoint(path)
    network = load_board_policy(checkpoint)
    if run and task in (None, run["task"]):
        [part] = build([plugins.find("tasks", run["task"])], run.get("task_settings", {}))
        return _as_game(part, run["task"]), network
    try:
        game = open_game(task or network.game)
    except UnknownNameError as error:
        if task is not None:
            raise
        raise ConfigError(f"a network must say which game it learnt, {path} only says {network.game!r}",
                          hint="name the game with --task, as in --task module:name") from error
    _must_have_learnt(network, game, str(path))
    return game, network


def _checkpoint(path: Path) -> tuple[Path, dict[str, Any]]:
    """That of a run's champion, with the header of its ledger; another as it is."""
    if not (path / "run.db").is_file():
        return path, {}
    with RunDirectory.open(path, read_only=True) as directory, Ledger.open(directory.ledger_path,
                                                                          read_only=True) as ledger:
        if ledger.champion is None:
            raise CheckpointError(f"a run must have a champion, {path} has none yet")
        return directory.verify(ledger.champion, fingerprint), ledger.header


def _must_have_learnt(network: BoardPolicy, game: Game, words: str) -> None:
    if network.game != game.name:
        raise ConfigError(f"a network must have learnt the game that it plays, got {words}, which learnt "
                          f"{network.game}, for {game.name}")


def network_search(network: BoardPolicy, game: Game, rules: ManyBoards, simulations: int) -> BoardSearch:
    """How a network thinks when it plays: it looks at boards from all their sides."""
    return BoardSearch(rules, Averaged(network, game.symmetries()), simulations)


def network_player(network: BoardPolicy, game: Game, rules: ManyBoards, simulations: int, path: Path) -> SearchPlayer:
    """A network that thinks, called as its directory is."""
    return SearchPlayer(network_search(network, game, rules, simulations),
                        f"{path.resolve().name} with {simulations} simulations")


def open_player(words: str, game: Game, rules: ManyBoards, *, simulations: int = SIMULATIONS) -> BoardPlayer:
    """A player by its sort: see `SORTS`. Raises ConfigError for one that is none, or that does not play this game."""
    sort, _, rest = words.partition(":")
    if sort == "random" and not rest:
        return RandomPlayer(rules)
    if sort == "mcts":
        return rollout_player(rules, _count(rest, words))
    if sort == "gtp" and rest:
        return GTPEngine(rest, game, komi=game.komi if isinstance(game, Board) else None)
    if sort == "minimax":
        return minimax_player(game, rules, _count(rest, words))
    if sort == "exact" and not rest:
        return exact_player(game, rules)
    if sort == "open_spiel":
        return _open_spiel_bot(rest, game, words)
    if words and Path(words).is_dir():
        network = open_network(Path(words))
        _must_have_learnt(network, game, words)
        return network_player(network, game, rules, simulations, Path(words))
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
