"""AlphaZero on a board game, from nothing but its rules.

Silver et al. 2018, with the search of Gumbel AlphaZero (Danihelka et al. 2022) by default, which learns from few
simulations. In a generation the last network plays against itself, hundreds of games side by side; it learns which
moves search would have made and how games ended, from a window of positions that grows; and a gate makes it the
champion if it beats the champion in a match. What is refused is kept, and learning goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.gate.sequential import promote_all, sequential_gate
from pawl.gate.spending import check_alpha
from pawl.interfaces import Game, Task
from pawl.judges.rules import rules_judge
from pawl.keys import row_keys, stream
from pawl.learning.boards import train_boards
from pawl.ledger import Ledger
from pawl.loop import Turn, improve
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.models.checkpoint import fingerprint
from pawl.models.opening import device_of, open_board_policy
from pawl.models.precision import precision_of
from pawl.recipes.board_contest import BoardContest, contest, final_result
from pawl.recipes.board_meters import in_words, played_metrics
from pawl.recipes.settings import Count, Share
from pawl.records import Attempt, Completion, Event, GameExample, Problem, Verdict
from pawl.run_directory import RunDirectory
from pawl.search.boards import BoardSearch
from pawl.selection.window import Positions, joined, positions_of, surprise_weights, turned, window_size
from pawl.self_play import Manner, PlayedGame, self_play
from pawl.stages import stage
from pawl.tasks.one_by_one import many_boards

TASK: str | None = "connect_four"
OPENINGS = 2000
"""Of each split, at most, that games begin with."""


@settings
class Settings:
    """Every key of the recipe."""

    seed: int = 0
    """Names every random stream of the run."""
    depth: Annotated[int, Field(ge=1, le=40)] = 4
    """Size of the network: residual blocks, each 16 times as wide."""
    generations: Count = 42
    """Turns of the loop."""
    games: Count = 1000
    """Played in a generation."""
    simulations: Count = 32
    """Walks of the search at each move, in games and in matches of the gate."""
    rule: Literal["gumbel", "puct"] = "gumbel"
    """How the search chooses."""
    explore: int = 12
    """Moves of a game, its opening's included, with luck in their choice."""
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Of those moves with puct: visits count to the power of its inverse."""
    openings: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of games that begin after a few random moves."""
    resign: Annotated[float, Field(ge=-1, lt=0)] = -1.0
    """A value below which a player gives up, in nine games of ten; -1 is never."""
    keep_tree: bool = True
    """Whether a search goes on from what the one before found."""
    window: Count = 60_000
    """Positions that are learnt from at first, the last ones; later more."""
    passes: Annotated[float, Field(gt=0)] = 4.0
    """Times that a position is learnt from, on average, before it leaves a window that does not grow."""
    batch: Count = 512
    """Positions in a training batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 8e-3
    """Peak step size of a generation."""
    expected: Share = 0.25
    """Share of what search expected in the value that is learnt; the rest is how the game ended."""
    surprise: Share = 0.0
    """Share of the policy's weight that goes to positions where search changed its mind (KataGo)."""
    reply: bool = False
    """Whether the network learns what the other answers, too (KataGo)."""
    plays: Literal["last", "champion"] = "last"
    """Who plays the games: the last network, refused or not, as in AlphaZero, or the champion, as in AlphaGo Zero."""
    gate_openings: Count = 100
    """Openings of a contest, at most, each played from both sides."""
    alpha: Annotated[float, Field(gt=0, le=1)] = 0.05
    """Chance, at most, that a contest promotes a network that is no better; 1 promotes all, as AlphaZero did."""
    test_openings: Count = 100
    """Openings, at most, that are played against each fixed player at last."""
    test_simulations: Count = 64
    """Walks of the search at each move of those games."""
    device: str = "auto"
    """cpu, cuda or auto."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of convolutions; weights are float32. auto is bfloat16 where the machine has units for it."""

    def __post_init__(self) -> None:
        if self.alpha < 1:
            check_alpha(self.alpha)


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    if not isinstance(task, Game):
        raise ConfigError(f"recipe alphazero must have a board game, got {task.name!r}",
                          hint="--task connect_four, or --task board --game NAME for one of OpenSpiel's")
    base = _base(settings, task, directory, ledger, notify)
    parts = AlphaZero(settings, task, directory, ledger)
    assert ledger.champion is not None
    champion = parts.open(ledger.champion)
    champion = improve(parts, champion, ledger, settings.generations, notify)
    return final_result(base, champion, task, ledger, settings, parts.open, notify)


def _base(settings: Settings, game: Game, directory: RunDirectory, ledger: Ledger,
          notify: Callable[[Event], None]) -> BoardPolicy:
    """A network that knows nothing."""
    device, turn = device_of(settings.device), Turn(0, settings.generations, notify)
    arch = BoardArchitecture(*game.shape, game.moves, settings.depth, settings.reply)
    base = BoardPolicy.fresh(arch, game.name, seed=settings.seed, device=device,
                             precision=precision_of(settings.dtype, device))
    if ledger.base is None:
        with turn.stage("base"):
            stored = directory.store(base.save, fingerprint)
        ledger.set_base({"parameters": float(sum(p.numel() for _, p in base.named_parameters()))}, turn.seconds, stored)
    return base


class AlphaZero:
    """The parts of the loop, made from settings."""

    def __init__(self, settings: Settings, game: Game, directory: RunDirectory, ledger: Ledger) -> None:
        self.settings, self.game, self.directory, self.ledger = settings, game, directory, ledger
        self.rules = many_boards(game)
        self.judge = rules_judge(self.rules)
        self.gate = promote_all if settings.alpha == 1 else sequential_gate(settings.alpha)
        with stage("setup"):
            self.train_openings = game.problems("train", OPENINGS, settings.seed)
            self.gate_openings = game.problems("gate", OPENINGS, settings.seed)
        if not self.gate_openings or not game.problems("test", 1, settings.seed):
            raise ConfigError(f"a game must have openings for the gate and for the test, {game.name} has too few",
                              hint="raise opening_moves")
        self.played: list[PlayedGame] = []
        """In this generation, until they have become examples."""
        self.positions: dict[int, Positions] = {}
        """By generation, as far back as they are learnt from."""

    def open(self, checkpoint: str) -> BoardPolicy:
        """The network of a hash."""
        return open_board_policy(self.directory.verify(checkpoint, fingerprint), device=self.settings.device,
                                 dtype=self.settings.dtype)

    def key(self, stage: str, turn: Turn) -> int:
        return stream(self.settings.seed, stage, turn.generation)

    def exhausted(self, turn: Turn) -> str | None:
        """Openings may come again: nothing is learnt from a contest."""
        return None

    def draw(self, turn: Turn) -> list[Problem]:
        """The first position, for most games, and an opening for each of the others."""
        settings = self.settings
        count = min(round(settings.openings * settings.games), len(self.train_openings), settings.games - 1)
        chosen = np.random.default_rng(self.key("draw", turn)).choice(len(self.train_openings), count, replace=False)
        return [Problem(f"{self.game.name}: from the start", self.game.name, "train", data={"moves": []}),
                *(self.train_openings[place] for place in chosen)]

    def play(self, champion: BoardPolicy, problems: Sequence[Problem], turn: Turn) -> list[Attempt]:
        settings, from_start = self.settings, self.settings.games - len(problems) + 1
        begun = [problems[0]] * from_start + list(problems[1:])
        policy = champion if settings.plays == "champion" else self._last(champion)
        search = BoardSearch(self.rules, policy, settings.simulations, settings.rule, noise=True)
        manner = Manner(settings.explore, settings.temperature, settings.resign)
        names = [f"{problem.id} {number}" for number, problem in enumerate(begun)]
        with turn.stage("sample") as watch:
            policy.player()  # made once, before threads ask for it
            self.played = self_play(search, [problem.data["moves"] for problem in begun], manner=manner,
                                    keys=row_keys(self.key("sample", turn), names, 1)[:, 0],
                                    threads=policy.threads, keep_tree=settings.keep_tree, watch=watch)
        turn.metrics |= played_metrics(self.played, settings.simulations)
        turn.told = in_words(turn.metrics)
        numbers = [*range(from_start), *([0] * (len(problems) - 1))]
        return [_attempt(self.game, *each) for each in zip(begun, numbers, self.played, strict=True)]

    def select(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], turn: Turn) -> list[GameExample]:
        """Every game that ended, or was given up."""
        examples = []
        for attempt, verdict, played in zip(attempts, verdicts, self.played, strict=True):
            if verdict.score is not None and played.moves:
                policies, priors = np.array(played.policies, np.float32), np.array(played.priors, np.float32)
                examples.append(GameExample(
                    attempt.problem.id, attempt.prompt_tokens, attempt.completion.tokens, policies,
                    np.array(played.values, np.float32),
                    surprise_weights(policies, priors, share=self.settings.surprise), 2 * verdict.score - 1))
        if lost := len(attempts) - len(examples):
            turn.notes.append(f"{lost} of {len(attempts)} games came to no end")
        self.played = []
        return examples

    def learn(self, champion: BoardPolicy, attempts: Sequence[Attempt], verdicts: Sequence[Verdict],
              examples: Sequence[GameExample], turn: Turn) -> BoardPolicy | None:
        settings, random = self.settings, np.random.default_rng(self.key("learn", turn))
        if not examples:
            return None
        window = self._window(examples, turn)
        steps = max(1, round(turn.metrics["learnable"] * settings.passes / settings.batch))
        symmetries = self.game.symmetries()

        def batch() -> Positions:
            chosen = window.at(random.integers(len(window), size=settings.batch))
            return turned(chosen, symmetries, random.integers(-1, len(symmetries), size=settings.batch))

        candidate = self._last(champion).clone()
        with turn.stage("train") as watch:
            turn.metrics |= train_boards(candidate, [batch] * steps, learning_rate=settings.learning_rate, watch=watch)
        turn.metrics |= {"window": float(len(window)), "steps": float(steps)}
        return candidate

    def _window(self, examples: Sequence[GameExample], turn: Turn) -> Positions:
        """The positions to learn from, the last ones; those of earlier generations are played again where they are not
        at hand, as after a kill."""
        turn.metrics["learnable"] = float(sum(len(game.moves) for game in examples))
        counts = {row.index: int(row.metrics.get("learnable", 0)) for row in self.ledger.generations()}
        counts[turn.generation] = int(turn.metrics["learnable"])
        size, wanted, held = window_size(sum(counts.values()), self.settings.window), list[int](), 0
        for generation in sorted(counts, reverse=True):
            if held < size and counts[generation]:
                wanted.insert(0, generation)
                held += counts[generation]
        for generation in wanted:
            if generation not in self.positions:
                games = examples if generation == turn.generation else self.ledger.games([generation])
                self.positions[generation] = positions_of(games, self.rules, searched=self.settings.expected)
        self.positions = {generation: self.positions[generation] for generation in wanted}
        return joined(list(self.positions.values())).last(size)

    def _last(self, champion: BoardPolicy) -> BoardPolicy:
        """The latest network, refused or not: training goes on from it."""
        rows = self.ledger.generations()
        last = next((row.candidate for row in reversed(rows) if row.candidate), None)
        return champion if last is None else self.open(last)

    def contest(self, candidate: BoardPolicy, champion: BoardPolicy, turn: Turn) -> BoardContest:
        with turn.stage("gate") as watch:
            return contest(candidate, champion, self.rules, self.gate_openings, self.settings, turn,
                           key=self.key("gate", turn), watch=watch)

    def store(self, candidate: BoardPolicy) -> str:
        return self.directory.store(candidate.save, fingerprint)

    def committed(self, turn: Turn) -> None:
        """Every network is kept."""


def _attempt(game: Game, problem: Problem, number: int, played: PlayedGame) -> Attempt:
    """A game as an attempt at its opening."""
    state, names = game.start(problem), []
    for move in played.moves:
        names.append(game.move_name(state, move))
        state = game.step(state, move)
    chances = [float(policy[move]) for policy, move in zip(played.policies, played.moves, strict=True)]
    finish: Literal["stop", "length"] = "length" if played.result is None else "stop"
    completion = Completion(" ".join(names), np.array(played.moves, np.int32),
                            np.log(np.maximum(np.array(chances, np.float32), 1e-9)), finish)
    return Attempt(problem, number, np.array(played.opening, np.int32), completion)
