"""The pipeline of AlphaGo on a board game, as it was (Silver et al. 2016), from teachers who err.

A policy learns the moves of experts that we run; it is improved by policy gradient against its own past; a value learns
who wins the games of that policy, from one position a game and, beside it, from all positions of fewer; and a search
mixes the value with games that a cheap policy plays out. The end says what each part is worth, and how far above its
teacher the whole came.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property, partial
from typing import Annotated, Any, Literal

from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import Game, Task
from pawl.keys import stream
from pawl.learning.boards import BoardLoss
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.board_policy import BoardPolicy
from pawl.models.opening import open_board_policy
from pawl.players.simple import PolicyPlayer
from pawl.players.teachers import teacher
from pawl.recipes.ablation import Networks, measured
from pawl.recipes.board_meters import result_bits
from pawl.recipes.board_policy_gradient import Course, final_result, reinforce
from pawl.recipes.imitation import HELD_OUT, Lessons, accuracy, fresh_network, learn, own_games, positions_by_game
from pawl.recipes.pipeline import Pipeline
from pawl.recipes.settings import Count, Share
from pawl.recipes.value_games import ValueGames, squared_error, value_games
from pawl.records import Event
from pawl.run_directory import RunDirectory
from pawl.selection.window import Positions, joined
from pawl.tasks.one_by_one import many_boards

TASK: str | None = "connect_four"
OPENINGS = 2000
"""Train openings, at most, that games begin with."""


@settings
class Settings:
    """Every key of the recipe."""

    seed: int = 0
    """Names every random stream of the run."""
    depth: Annotated[int, Field(ge=1, le=40)] = 3
    """Size of the policy and the value: residual blocks, each 16 times as wide. The cheap policy has none."""
    teacher: Annotated[int, Field(ge=1, le=8)] = 3
    """Moves that the teacher looks ahead."""
    errs: Share = 0.2
    """Share of the teacher's moves that are random."""
    expert_games: Annotated[int, Field(ge=20)] = 4000
    """That the teacher plays against itself; a tenth is kept to measure on."""
    passes: Annotated[float, Field(gt=0)] = 6.0
    """Times that a position of the teacher is learnt from."""
    batch: Count = 512
    """Positions in a training batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 8e-3
    """Peak step size of what is learnt from positions."""
    rounds: Count = 6
    """Of policy gradient; after each the policy joins the pool that it plays against."""
    round_steps: Count = 30
    """Steps of a round."""
    round_games: Annotated[int, Field(ge=2)] = 512
    """Games of a step."""
    policy_rate: Annotated[float, Field(gt=0)] = 5e-4
    """Peak step size of a round."""
    value_games: Annotated[int, Field(ge=20)] = 60_000
    """Positions that either value learns from, and games of the one that sees one of each; a tenth more are measured
    on."""
    value_passes: Annotated[float, Field(gt=0)] = 3.0
    """Times that a value learns from a position."""
    rollouts: Annotated[float, Field(ge=0, le=1)] = 0.5
    """lambda: the share of games played out in what a leaf of the search is worth; the rest is the value's."""
    simulations: Count = 64
    """Walks of the search at each move."""
    prior_simulations: tuple[Count, ...] = (2, 4, 16)
    """Walks with the policy's prior that are compared with eight times as many without."""
    test_openings: Count = 100
    """Openings, at most, of matches of two, each from both sides."""
    pool_openings: Count = 16
    """Openings of each match of the pool that ratings come from."""
    device: str = "auto"
    """cpu, cuda or auto."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of convolutions; weights are float32. auto is bfloat16 where the machine has units for it."""


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole pipeline, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    if not isinstance(task, Game):
        raise ConfigError(f"recipe alphago must have a board game, got {task.name!r}",
                          hint="--task connect_four, or --task board --game NAME for one of OpenSpiel's")
    parts = AlphaGo(settings, task)
    line = Pipeline(directory, ledger, notify, stages=settings.rounds + 3,
                    load=partial(open_board_policy, device=settings.device, dtype=settings.dtype))
    imitator = line.base(parts.imitate)
    cheap = line.stage("cheap policy", parts.imitate_cheaply)
    pool = [imitator]
    for number in range(1, settings.rounds + 1):
        pool.append(line.stage(f"policy gradient {number}", lambda turn: parts.reinforce(pool, turn), plays=True))
    games = cache(lambda: parts.games_of(pool[-1]))
    value = line.stage("value, one position a game", lambda turn: parts.value("one", games, turn))
    remembering = line.stage("value, all positions of a game", lambda turn: parts.value("all", games, turn))
    networks = Networks(imitator, cheap, pool[-1], value, remembering)
    return line.finish(lambda: parts.result(networks, ledger, line.watch), task.name, settings.seed)


class AlphaGo:
    """The stages, made from settings."""

    def __init__(self, settings: Settings, game: Game) -> None:
        self.settings, self.game, self.rules = settings, game, many_boards(game)
        self.openings = [problem.data["moves"] for problem in game.problems("train", OPENINGS, settings.seed)]
        self.teacher = teacher(game, self.rules, settings.teacher, settings.errs)

    def key(self, *path: int | str) -> int:
        return stream(self.settings.seed, "alphago", *path)

    def fresh(self, name: str, depth: int) -> BoardPolicy:
        return fresh_network(self.game, depth, seed=self.key("weights", name) % 2**31, device=self.settings.device,
                             dtype=self.settings.dtype)

    @cached_property
    def expert_positions(self) -> tuple[Positions, Positions]:
        """What the teacher did where, to learn from and to measure on."""
        parts = own_games(self.teacher, self.rules, self.openings, self.settings.expert_games, key=self.key("expert"))
        games = [one for part in parts for one in positions_by_game(part, self.rules, self.game.moves)]
        return (joined([one for number, one in enumerate(games) if number % HELD_OUT]), joined(games[::HELD_OUT]))

    def imitate(self, turn: Turn) -> BoardPolicy:
        return self._imitator(self.fresh("policy", self.settings.depth), turn)

    def imitate_cheaply(self, turn: Turn) -> BoardPolicy:
        return self._imitator(self.fresh("cheap", 0), turn)

    def _imitator(self, network: BoardPolicy, turn: Turn) -> BoardPolicy:
        with turn.stage("sample"):
            learnt, held_out = self.expert_positions
        lessons = Lessons(self.settings.passes, self.settings.batch, self.settings.learning_rate)
        learn(network, learnt, self.game, lessons, turn, key=self.key("imitate", network.net.arch.depth),
              loss=BoardLoss(value=0))
        turn.metrics |= {"accuracy": accuracy(network, held_out), "held_out": float(len(held_out)),
                         "flops": float(network.net.arch.flops)}
        turn.told = (f"{turn.metrics['accuracy']:.1%} of the moves of {self.teacher.name} foreseen, on "
                     f"{len(held_out):,} positions of games that were not learnt from")
        return network

    def reinforce(self, pool: list[BoardPolicy], turn: Turn) -> BoardPolicy:
        """A round against all that came before, itself included as it was when the round began."""
        settings, policy = self.settings, pool[-1].clone()
        course = Course(settings.round_steps, settings.round_games, settings.policy_rate)
        with turn.stage("train") as watch:
            turn.metrics |= reinforce(policy, pool, self.rules, self.openings, final_result, course,
                                      key=self.key("reinforce", len(pool)), watch=watch)
        turn.told = f"{turn.metrics['won']:.1%} against its own past, in games of {turn.metrics['length']:.1f} moves"
        return policy

    def games_of(self, policy: BoardPolicy) -> tuple[ValueGames, ValueGames]:
        """Games of a policy against itself: to learn from, and to measure on."""
        player = PolicyPlayer(self.rules, policy, "policy", temperature=1.0)
        count = self.settings.value_games
        learnt, held_out = (value_games(player, self.rules, self.openings, number, choices=self.game.moves,
                                        key=self.key("value games", name))
                            for name, number in (("learn", count), ("test", count // HELD_OUT)))
        return learnt, held_out

    def value(self, which: Literal["one", "all"], games: Callable[[], tuple[ValueGames, ValueGames]], turn: Turn
              ) -> BoardPolicy:
        """Who will win, from one position of each game or from all positions of the first ones."""
        network, settings = self.fresh("value", self.settings.depth), self.settings
        with turn.stage("sample"):
            learnt, held_out = games()
        seen: Positions = getattr(learnt, which)
        learn(network, seen, self.game, Lessons(settings.value_passes, settings.batch, settings.learning_rate), turn,
              key=self.key("value"))
        train, test = squared_error(network, seen), squared_error(network, getattr(held_out, which))
        turn.metrics |= {"train_error": train, "test_error": test, "error_ratio": test / max(train, 1e-9),
                         "common_error": squared_error(network, held_out.one)}
        if which == "one":
            turn.metrics["truth_bits_self"] = result_bits(learnt.results)
        turn.told = (f"squared error {train:.3f} on what it learnt, {test:.3f} on games that it did not: "
                     f"{turn.metrics['error_ratio']:.2f} times")
        return network

    def result(self, networks: Networks, ledger: Ledger, watch: Callable[[int, int], None]) -> dict[str, Any]:
        """What each part is worth, beside what the stages measured."""
        assert ledger.base is not None
        rows = ledger.generations()
        return {
            **measured(networks, self.teacher, self.game, self.settings, key=self.key("test"), watch=watch),
            "imitation": [{"network": name, **{key: metrics[key] for key in ("accuracy", "held_out", "flops")}}
                          for name, metrics in (("policy", ledger.base.metrics), ("cheap policy", rows[0].metrics))],
            "values": [{"learnt from": row.notes[0].removeprefix("value, "), **{
                key: row.metrics[key] for key in ("positions", "train_error", "test_error", "error_ratio",
                                                  "common_error")}} for row in rows[-2:]],
            "truth_bits": {"self": sum(row.metrics.get("truth_bits_self", 0.0) for row in rows)},
        }
