"""Any game of OpenSpiel in which two players see everything, by its name: chess, go, hex, othello and many more.

Lanctot et al. 2019, "OpenSpiel: A framework for reinforcement learning in games". Boards are OpenSpiel's own
observations, with a plane more that says who moves, since many of them do not turn with the player.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from pawl.config import settings
from pawl.errors import ConfigError, MissingExtraError, UnknownNameError
from pawl.interfaces import IllegalAction
from pawl.records import FloatArray, Symmetry
from pawl.tasks.board_game import BoardGame
from pawl.tasks.board_many import ManyOfOpenSpiel
from pawl.tasks.board_symmetries import symmetries_of


@settings
class Board(BoardGame):
    """A game by its name."""

    game: str = "connect_four"
    """OpenSpiel's name of it, with its parameters where it has some: `go(board_size=7)`."""
    opening_moves: int = 6
    """Random moves, at most, of an opening."""

    def __post_init__(self) -> None:
        kind = self.rules.get_type()
        import pyspiel

        if (kind.dynamics != pyspiel.GameType.Dynamics.SEQUENTIAL or self.rules.num_players() != 2
                or kind.information != pyspiel.GameType.Information.PERFECT_INFORMATION
                or kind.chance_mode != pyspiel.GameType.ChanceMode.DETERMINISTIC
                or kind.utility != pyspiel.GameType.Utility.ZERO_SUM):
            raise ConfigError("a board game must be of two players who move in turn, see everything, throw no dice and "
                              f"win what the other loses, got {self.game}")
        if not kind.provides_observation_tensor or not 1 <= len(self.rules.observation_tensor_shape()) <= 3:
            raise ConfigError(f"a board game must show its positions as a board, got {self.game}, which does not")

    @cached_property
    def rules(self) -> Any:
        """OpenSpiel's game. Raises ConfigError for a name that it does not know."""
        try:
            import pyspiel
        except ModuleNotFoundError as error:
            raise MissingExtraError("a game of OpenSpiel", "games") from error
        short, _, parameters = self.game.partition("(")
        if short not in pyspiel.registered_names():  # asked for it, OpenSpiel would print all of them
            raise UnknownNameError("game of OpenSpiel", short, pyspiel.registered_names())
        try:
            return pyspiel.load_game(self.game)
        except (pyspiel.SpielError, RuntimeError) as error:
            raise ConfigError(f"a game's parameters must be those that OpenSpiel knows, got ({parameters}",
                              hint=str(error).strip().splitlines()[0][:120]) from None

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.game

    @property
    def komi(self) -> float | None:
        """Points for who moves second, in go."""
        komi: float | None = self.rules.get_parameters().get("komi")
        return komi

    @property
    def moves(self) -> int:  # type: ignore[override]
        return int(self.rules.num_distinct_actions())

    @property
    def shape(self) -> tuple[int, int, int]:  # type: ignore[override]
        planes, rows, columns = self._planes
        return planes + 1, rows, columns

    @cached_property
    def _planes(self) -> tuple[int, int, int]:
        """OpenSpiel's, a board of fewer dimensions as one of one plane or one row."""
        shape = tuple(self.rules.observation_tensor_shape())
        planes, rows, columns = (1,) * (3 - len(shape)) + shape
        return planes, rows, columns

    def first(self) -> Any:
        return self.rules.new_initial_state()

    def player(self, state: Any) -> int:
        """Who moves; where it is over, who would."""
        return len(state.history()) % 2 if state.is_terminal() else int(state.current_player())

    def actions(self, state: Any) -> Sequence[int]:
        legal: list[int] = state.legal_actions()
        return legal

    def step(self, state: Any, action: int) -> Any:
        if action not in state.legal_actions():
            raise IllegalAction(f"a move must be legal, got {action}")
        return state.child(action)

    def terminal(self, state: Any) -> bool:
        return bool(state.is_terminal())

    def returns(self, state: Any) -> tuple[float, float]:
        """Wins count 1 however large they are."""
        first = float(np.clip(state.returns()[0], -1, 1))
        return first, -first

    def observe(self, state: Any) -> FloatArray:
        player = self.player(state)
        seen = np.asarray(state.observation_tensor(player), np.float32).reshape(self._planes)
        return np.concatenate((seen, np.full((1, *seen.shape[1:]), player, np.float32)))

    def key(self, state: Any) -> Hashable:
        return str(state)

    def show(self, state: Any) -> str:
        return str(state).strip("\n")

    def move_name(self, state: Any, action: int) -> str:
        return str(state.action_to_string(state.current_player(), action)).replace(" ", "_")

    def symmetries(self) -> Sequence[Symmetry]:
        return symmetries_of(self.rules)

    def many(self) -> ManyOfOpenSpiel:
        return ManyOfOpenSpiel(self, self.rules)
