"""AlphaGo trained with RLHF: policy gradient on a reward model of what labellers like, and beside it on who won.

Labellers see two positions and say which they like (Christiano et al. 2017, "Deep reinforcement
learning from human preferences"): simulated ones, by material and shape, with doubt. A reward model learns from their
answers, and a policy that imitates a teacher is improved by its score; the same policy is improved by the real reward.
One figure has both: what the reward model says, and how many games are won. It shows how far a proxy carries, and where
it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import Task
from pawl.judges.labeller import Labeller
from pawl.keys import stream
from pawl.learning.boards import BoardLoss
from pawl.ledger import GenerationRow, Ledger
from pawl.loop import Turn
from pawl.models.board_policy import BoardPolicy
from pawl.models.opening import open_board_policy
from pawl.players.tastes import looks
from pawl.players.teachers import teacher
from pawl.recipes.board_policy_gradient import Course, Reward, drawn_games, final_result, reinforce
from pawl.recipes.board_reward_model import Comparisons, compared, learn_to_judge, liked_reward
from pawl.recipes.imitation import HELD_OUT, Lessons, accuracy, fresh_network, learn, own_games, positions_by_game
from pawl.recipes.pipeline import Pipeline
from pawl.recipes.proxy_curves import in_words, measured, point, rate
from pawl.recipes.settings import Count, Share, Weight
from pawl.records import Event
from pawl.run_directory import RunDirectory
from pawl.selection.window import joined
from pawl.tasks.connect_four import FULL, ConnectFour, Words, four_in_a_row
from pawl.tasks.connect_four_solver import Solver

TASK: str | None = "connect_four"
OPENINGS = 2000
"""Train openings, at most, that games begin with."""
QUESTION_GAMES = 8000
"""Of the imitator against itself, at most, from which questions are taken; one for every ten questions."""
LATE, JUDGED = 14, 1000
"""Stones on either board from which truth is asked what positions are worth, and in how many questions."""
LIKED, WON = "liked", "won"
"""What a policy is improved by."""


@settings
class Settings:
    """Every key of the recipe."""

    seed: int = 0
    """Names every random stream of the run."""
    depth: Annotated[int, Field(ge=1, le=40)] = 2
    """Size of the policy and of the reward model: residual blocks, each 16 times as wide."""
    teacher: Annotated[int, Field(ge=1, le=8)] = 2
    """Moves that the teacher looks ahead whom the policy imitates at first."""
    errs: Share = 0.25
    """Share of the teacher's moves that are random."""
    expert_games: Annotated[int, Field(ge=20)] = 3000
    """That the teacher plays against itself; a tenth is kept to measure on."""
    passes: Annotated[float, Field(gt=0)] = 5.0
    """Times that a position of the teacher is learnt from."""
    comparisons: Annotated[int, Field(ge=20)] = 100_000
    """Questions that labellers answer; a tenth is kept to measure on."""
    noise: Weight = 0.5
    """How unsure labellers are: the difference of looks at which they say the opposite in 27% of cases. A line of three
    that can still be filled is worth 1, one of two 0.5."""
    comparison_passes: Annotated[float, Field(gt=0)] = 2.0
    """Times that an answer is learnt from."""
    batch: Count = 512
    """Positions, or answers, in a training batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 8e-3
    """Peak step size of what is learnt from positions and answers."""
    credit: Literal["move", "game"] = "move"
    """What a move is rewarded with: the reward model's score of the position after it, or the sum of that and of the
    scores after all the player's later moves."""
    rounds: Count = 12
    """Of policy gradient with either reward, after each of which games are counted."""
    round_steps: Count = 15
    """Steps of a round."""
    round_games: Annotated[int, Field(ge=2)] = 256
    """Games of a step, against the imitator."""
    policy_rate: Annotated[float, Field(gt=0)] = 5e-4
    """Peak step size of a round."""
    test_openings: Count = 500
    """Openings, at most, from each of which the policy plays the imitator twice on either side; all moves are drawn."""
    device: str = "auto"
    """cpu, cuda or auto."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of convolutions; weights are float32. auto is bfloat16 where the machine has units for it."""


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    if not isinstance(task, ConnectFour):
        raise ConfigError(f"recipe vibes must have connect_four, whose looks and truth are known, got {task.name!r}")
    parts = Vibes(settings, task)
    line = Pipeline(directory, ledger, notify, stages=1 + 2 * settings.rounds,
                    load=partial(open_board_policy, device=settings.device, dtype=settings.dtype))
    imitator = line.base(parts.imitate)
    judge = line.stage("reward model", lambda turn: parts.judge(imitator, turn))
    rewards: dict[str, Reward] = {LIKED: liked_reward(judge, parts.rules, settings.credit), WON: final_result}
    for by, reward in rewards.items():
        policy = imitator
        for number in range(1, settings.rounds + 1):
            make = partial(parts.improve, policy, imitator, judge, reward)
            policy = line.stage(f"{by} {number}", make, plays=by == WON)
    return line.finish(lambda: parts.result(ledger.generations()), task.name, settings.seed)


class Vibes:
    """The stages, made from settings."""

    def __init__(self, settings: Settings, game: ConnectFour) -> None:
        self.settings, self.game, self.rules = settings, game, game.many()
        # Of the test split there are a hundred at most, which leave intervals too wide to see a fall.
        train = game.problems("train", OPENINGS, settings.seed)
        held_out = game.problems("gate", settings.test_openings, settings.seed)
        self.openings, self.test_openings = ([problem.data["moves"] for problem in part] for part in (train, held_out))
        self.teacher = teacher(game, self.rules, settings.teacher, settings.errs)
        self.labeller = Labeller(looks, settings.noise)

    def key(self, *path: int | str) -> int:
        return stream(self.settings.seed, "vibes", *path)

    def fresh(self, name: str) -> BoardPolicy:
        return fresh_network(self.game, self.settings.depth, seed=self.key("weights", name) % 2**31,
                             device=self.settings.device, dtype=self.settings.dtype)

    def imitate(self, turn: Turn) -> BoardPolicy:
        settings, network = self.settings, self.fresh("policy")
        with turn.stage("sample"):
            parts = own_games(self.teacher, self.rules, self.openings, settings.expert_games, key=self.key("expert"))
            games = [one for part in parts for one in positions_by_game(part, self.rules, self.game.moves)]
        learn(network, joined([one for number, one in enumerate(games) if number % HELD_OUT]), self.game,
              Lessons(settings.passes, settings.batch, settings.learning_rate), turn, key=self.key("imitate"),
              loss=BoardLoss(value=0))
        turn.metrics["accuracy"] = accuracy(network, joined(games[::HELD_OUT]))
        turn.told = f"{turn.metrics['accuracy']:.1%} of the moves of {self.teacher.name} foreseen"
        return network

    def judge(self, imitator: BoardPolicy, turn: Turn) -> BoardPolicy:
        """The reward model, from what labellers answer to questions of the imitator's games."""
        settings, network = self.settings, self.fresh("reward model")
        with turn.stage("sample"):
            games = drawn_games((imitator, imitator), self.rules, self.openings,
                                min(QUESTION_GAMES, max(2, settings.comparisons // 10)), key=self.key("questions"))
            answered = compared(games, self.rules, self.labeller, settings.comparisons, key=self.key("answers"))
        learn_to_judge(network, answered, self.rules,
                       Lessons(settings.comparison_passes, settings.batch, settings.learning_rate), turn,
                       key=self.key("judge"))
        with turn.stage("score"):
            turn.metrics |= self.agreement(answered)
            turn.metrics["truth_bits_person"] = float(len(answered.liked))
        turn.told = (f"{turn.metrics['comparisons']:,.0f} answers; labellers agree with the truth in "
                     f"{turn.metrics['agreement']:.1%} of {turn.metrics['decided']:.0f} questions that have a right "
                     f"answer, the reward model with labellers in {turn.metrics['foreseen']:.1%}")
        turn.metrics |= self.meter(imitator, imitator, network)
        return network

    def agreement(self, answered: Comparisons) -> dict[str, float]:
        """How often what was liked better is worth more by the exact solver, of two late positions that are not worth
        the same."""
        late = np.flatnonzero([min(_stones(one), _stones(other)) >= LATE for one, other in zip(
            answered.liked, answered.other, strict=True)])[:JUDGED]
        solver = Solver()
        better, worse = (np.array([_worth(state, solver) for state in states[late]])
                         for states in (answered.liked, answered.other))
        decided = better != worse
        rate = float((better > worse)[decided].mean()) if decided.any() else 0.5
        low, high = wilson_interval(rate, int(decided.sum()))
        return {"agreement": rate, "agreement_low": low, "agreement_high": high, "decided": float(decided.sum())}

    def improve(self, before: BoardPolicy, imitator: BoardPolicy, judge: BoardPolicy, reward: Reward, turn: Turn
                ) -> BoardPolicy:
        """A round of policy gradient."""
        settings, policy = self.settings, before.clone()
        course = Course(settings.round_steps, settings.round_games, settings.policy_rate)
        with turn.stage("train") as watch:
            turn.metrics |= reinforce(policy, [imitator], self.rules, self.openings, reward, course,
                                      key=self.key("improve", turn.generation), watch=watch)
        with turn.stage("gate"):
            turn.metrics |= self.meter(policy, imitator, judge)
        turn.told = (f"the reward model says {turn.metrics['score']:.2f} of a {self.settings.credit}; "
                     f"{turn.metrics['true']:.1%} of games won against the imitator")
        return policy

    def meter(self, policy: BoardPolicy, imitator: BoardPolicy, judge: BoardPolicy) -> dict[str, float]:
        """Both readings of a policy, on test openings."""
        return measured(policy, imitator, judge, self.rules, self.test_openings, credit=self.settings.credit,
                        key=self.key("measure"))

    def result(self, rows: Sequence[GenerationRow]) -> dict[str, Any]:
        """Both curves, from what the stages measured."""
        steps, rounds, judged = self.settings.round_steps, self.settings.rounds, rows[0].metrics
        curves = {by: [point(steps * number, row.metrics) for number, row in enumerate([rows[0], *part])]
                  for by, part in ((LIKED, rows[1 : 1 + rounds]), (WON, rows[1 + rounds :]))}
        return {
            "base": rate(curves[LIKED][0]), "final": rate(curves[WON][-1]),
            "labeller": {key: judged[key] for key in ("comparisons", "agreement", "agreement_low", "agreement_high",
                                                      "decided", "foreseen")},
            "curves": curves, "sentence": in_words(curves[LIKED], curves[WON], judged["agreement"]),
            "truth_bits": {"person": judged["truth_bits_person"]},
        }


def _stones(state: Words) -> int:
    """On the board."""
    return int(state[1]).bit_count()


def _worth(state: Words, solver: Solver) -> int:
    """1, 0 or -1, to whoever has just moved."""
    mine, stones = int(state[0]), int(state[1])
    if four_in_a_row(stones ^ mine):
        return 1
    return 0 if stones == FULL else -solver.score((mine, stones), weak=True)
