"""Whether a board game keeps the contract of `pawl.interfaces.Game`, found by random play."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from pawl.interfaces import Game, IllegalAction
from pawl.records import Symmetry
from pawl.testing_ask import ask, asked_key, shown

_METHODS = ("start", "player", "actions", "step", "terminal", "returns", "observe", "key", "show", "move_name",
            "parse_move", "symmetries")
_TELLING = ("returns", "observe", "player")
"""A task that has one of these means to be a game."""
_GAMES = 20
_MOST_MOVES = 5000


def is_meant_as_game(task: object) -> bool:
    """Whether a task has what only games have."""
    return any(callable(getattr(task, method, None)) for method in _TELLING)


def game_findings(task: object) -> Iterator[str]:
    """What is wrong with a game; nothing for a task that is none."""
    if not is_meant_as_game(task):
        return
    if lacking := [method for method in _METHODS if not callable(getattr(task, method, None))]:
        yield f"a game must have all of {', '.join(_METHODS)}, got no {', '.join(lacking)}"
        return
    moves, shape = getattr(task, "moves", None), getattr(task, "shape", None)
    if not isinstance(moves, int) or moves < 1:
        yield f"a game must say in `moves` how many moves it has, got {shown(moves)}"
        return
    if not (isinstance(shape, tuple) and len(shape) == 3 and all(isinstance(side, int) and side > 0 for side in shape)):
        yield f"a game must say in `shape` how large its boards are, (planes, rows, columns), got {shown(shape)}"
        return
    assert isinstance(task, Game)
    random = np.random.default_rng(0)
    yield from next(filter(None, (list(_game(task, random)) for _ in range(_GAMES))), [])
    yield from _symmetries(task, random)


def _game(game: Game, random: np.random.Generator) -> Iterator[str]:
    """One game at random."""
    state: Any = ask("start", game.start)
    for _ in range(_MOST_MOVES):
        yield from _position(game, state)
        actions = ask("actions", partial(game.actions, state))
        if ask("terminal", partial(game.terminal, state)):
            if len(actions or ()):
                yield f"a game that is over must have no legal moves, got {shown(list(actions or ()))}"
            yield from _end(game, state)
            return
        if not actions:
            yield "a position without legal moves must be terminal, got one that is not"
            return
        if found := list(_moves(game, state, list(actions))):
            yield from found
            return
        action = int(actions[int(random.integers(len(actions)))])
        before, taken = asked_key(game.key, state), partial(game.step, state, action)
        after = ask(f"step with the legal move {action}", taken)
        if asked_key(game.key, state) != before:
            yield "step must leave the position that it was given as it was, got it changed"
            return
        if asked_key(game.key, after) != asked_key(game.key, ask(f"step with the legal move {action}", taken)):
            yield "key must be equal for equal positions, got two after the same move"
        state = after
    yield f"a game must end, got none that does in {_MOST_MOVES} moves"


def _position(game: Game, state: Any) -> Iterator[str]:
    """Who moves, and the board."""
    if ask("player", partial(game.player, state)) not in (0, 1):
        yield f"player must be 0 or 1, got {shown(game.player(state))}"
    board = ask("observe", partial(game.observe, state))
    if not isinstance(board, np.ndarray) or board.shape != game.shape or board.dtype.kind not in "fiub":
        found = f"an array {board.shape} of {board.dtype}" if isinstance(board, np.ndarray) else shown(board)
        yield f"observe must give an array of numbers {game.shape}, got {found}"
    elif not np.isfinite(board).all():
        yield "observe must give finite numbers, got some that are not"
    if not isinstance(ask("show", partial(game.show, state)), str):
        yield f"show must give text, got {shown(game.show(state))}"


def _moves(game: Game, state: Any, actions: Sequence[Any]) -> Iterator[str]:
    """The legal moves of a position, and one that is not."""
    if not all(isinstance(action, (int, np.integer)) and 0 <= action < game.moves for action in actions):
        yield f"moves must be whole numbers from 0 to {game.moves - 1}, got {shown(actions)}"
        return
    if sorted(set(actions)) != actions:
        yield f"legal moves must be listed once each and smallest first, got {shown(actions)}"
    if (again := ask("actions", partial(game.actions, state))) is None or list(again) != actions:
        yield f"legal moves must be the same each time, got {shown(actions)} and then {shown(again)}"
    name = ask("move_name", partial(game.move_name, state, actions[0]))
    if not isinstance(name, str) or not name or name.split() != [name]:
        yield f"move_name must give a word, got {shown(name)}"
    elif ask("parse_move of a legal move's name", partial(game.parse_move, state, name)) != actions[0]:
        yield f"parse_move must give back the move whose name it is told, got another for {shown(name)}"
    illegal = next((move for move in range(game.moves) if move not in actions), None)
    if illegal is not None:
        yield from _refuses(f"step with the illegal move {illegal}", partial(game.step, state, illegal))


def _refuses(what: str, question: Callable[[], Any]) -> Iterator[str]:
    """A question that must raise IllegalAction."""
    try:
        question()
    except IllegalAction:
        return
    except Exception as error:  # not ours: it may raise anything
        yield f"{what} must raise IllegalAction, got {type(error).__name__}"
    else:
        yield f"{what} must raise IllegalAction, got a position"


def _end(game: Game, state: Any) -> Iterator[str]:
    found = ask("returns of a game that is over", partial(game.returns, state))
    numbers = np.asarray(found if isinstance(found, (tuple, list)) else [], np.float64)
    if numbers.shape != (2,) or not (abs(numbers) <= 1).all() or numbers.sum() != 0:
        yield f"returns must be two numbers in [-1, 1] that sum to 0, got {shown(found)}"


def _symmetries(game: Game, random: np.random.Generator) -> Iterator[str]:
    """Whether mirrored moves lead to mirrored boards."""
    planes, rows, columns = game.shape
    for number, symmetry in enumerate(ask("symmetries", game.symmetries) or ()):
        if not isinstance(symmetry, Symmetry) or (
                sorted(symmetry.cells.tolist()) != list(range(rows * columns))
                or sorted(symmetry.moves.tolist()) != list(range(game.moves))):
            yield f"a symmetry must reorder {rows * columns} cells and {game.moves} moves, number {number} does not"
            continue
        new, state = np.argsort(symmetry.moves), ask("start", game.start)
        mirrored = state
        for _ in range(_MOST_MOVES):
            board = game.observe(state).reshape(planes, -1)[:, symmetry.cells]
            if not np.array_equal(board, game.observe(mirrored).reshape(planes, -1)):
                yield f"symmetry {number} must turn boards as it turns moves, got another board"
                break
            if game.terminal(state):
                break
            move = int(random.choice(np.asarray(game.actions(state))))
            try:
                state, mirrored = game.step(state, move), game.step(mirrored, int(new[move]))
            except IllegalAction:
                yield f"symmetry {number} must turn legal moves into legal ones, got one that is not"
                break
