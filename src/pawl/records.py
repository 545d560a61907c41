"""The records that flow through the loop: frozen, plain, numpy only.

Letters used in shapes: B rows of a batch, K attempts at one problem, T tokens (of a game: moves), V vocabulary, N
problems; of boards, L positions, C planes, H rows, W columns, A moves that a game has. Log-probabilities are in nats.
Scores lie in [0, 1], what a player gets from a game in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[np.int32]
KeyArray: TypeAlias = NDArray[np.uint64]
FloatArray: TypeAlias = NDArray[np.float32]
Flags: TypeAlias = NDArray[np.bool_]
Message: TypeAlias = Mapping[str, str]
Prompt: TypeAlias = str | tuple[Message, ...]
Split: TypeAlias = Literal["train", "gate", "test"]

SPLITS: tuple[Split, ...] = ("train", "gate", "test")


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with what its task needs to score an answer to it."""

    id: str
    """Unique within the task and stable over runs and machines."""
    prompt: Prompt
    """Text, or chat messages with `role` and `content`."""
    split: Split
    answer: str | None = None
    """A known right answer, when there is one."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the task's own score needs; JSON values only."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """Real text from outside the loop: what the base learns from and the anchor returns to."""

    prompt: Prompt
    completion: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn from a policy."""

    max_tokens: int
    """Longest completion, in tokens."""
    temperature: float = 1.0
    """0 is greedy."""
    top_k: int = 0
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = 1.0
    """Keep the smallest set of tokens whose probability reaches p."""
    stop: tuple[str, ...] = ()
    """A completion ends before the first of these strings."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What a policy wrote after one prefix."""

    text: str
    """Decoded, without the end token and without the stop string."""
    tokens: IntArray
    """[T] sampled tokens, the end token included when it was drawn."""
    logprobs: FloatArray
    """[T] log-probability of each token under the policy itself (temperature 1, nothing cut off)."""
    finish: Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a policy thinks of one prefix."""

    logprobs: FloatArray
    """[V] of the next token."""
    value: float
    """Expected final score, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What thinking spent."""

    forwarded: int = 0
    """Tokens that went through a model: prompts, what was sampled, and what a value read."""
    generated: int = 0
    """Tokens sampled."""
    estimated: int = 0
    """States that a value was asked about."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.forwarded + other.forwarded, self.generated + other.generated,
                    self.estimated + other.estimated)


@dataclass(frozen=True, slots=True)
class TreeStep:
    """A step that a search knew of in one state, whether it took it or not."""

    text: str
    prior: float
    """Share of the policy's likelihood in its state, in [0, 1]."""
    visits: int
    """How often it was taken."""
    child: int | None
    """Where the node that it leads to stands among the tree's; None when it was never taken."""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A state that a search came to."""

    visits: int
    """Its own evaluation included."""
    value: float
    """Q: the mean of what came back from it and from below it."""
    estimate: float
    """What the value said of it at first sight."""
    terminal: bool
    """Whether nothing can be done here."""
    proven: float | None
    """Its value where that is known for sure."""
    steps: tuple[TreeStep, ...]
    """In the order in which they were proposed; none where it was never looked further."""


@dataclass(frozen=True, slots=True)
class SearchTree:
    """What a search knew when it chose: plain data that JSON can hold. Several steps may lead to one node."""

    nodes: tuple[TreeNode, ...]
    """The first is the state that was searched."""
    line: tuple[int, ...]
    """The principal variation: the chosen step, and from there on the step most often taken, each as its place among
    its node's steps."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a search would do in one state, of A actions that it looked at."""

    action: Any
    """None where the policy proposed nothing legal."""
    actions: tuple[Any, ...]
    """[A]"""
    policy: FloatArray
    """[A] what the policy should have proposed: a target to learn."""
    visits: IntArray
    """[A]"""
    values: FloatArray
    """[A] expected final score of each; of one that was not visited, the state's."""
    value: float
    """Expected final score of the state."""
    cost: Cost
    tree: SearchTree | None = None
    """What was looked at, from a search that was asked to keep it."""
    path: tuple[Any, ...] = ()
    """Actions to take in turn, `action` first, where a search decides several at once; else nothing."""

    @property
    def steps(self) -> tuple[Any, ...]:
        """Every action to take."""
        return () if self.action is None else self.path or (self.action,)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer to one problem, with how it came about."""

    problem: Problem
    index: int
    """0 to K-1 among the attempts at this problem in this generation."""
    prompt_tokens: IntArray
    """[P] what the policy was given."""
    completion: Completion
    source: str = "self"
    """Who wrote it: self, hindsight (self, at another problem), search, real, teacher, person."""
    error: str | None = None
    """Why the attempt failed before it could be judged, with the stage's name in front."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge said of one attempt."""

    score: float | None
    """In [0, 1]; None when the judge abstains."""
    judge: str
    error: str | None = None
    """Why the judge could not decide (it raised, hung, or gave no number)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two attempts at one problem, of which somebody liked one better: what a reward model learns from."""

    liked: Attempt
    other: Attempt
    source: str = "truth"
    """Who said so: truth, person, a model's name."""


@dataclass(frozen=True, slots=True)
class Revision:
    """An answer put better by a written principle, after it was said what was wrong with it."""

    attempt: Attempt
    principle: str
    critique: str = ""
    """What was wrong."""
    text: str | None = None
    """The answer put better; None where there is none."""
    error: str | None = None
    """Why there is none."""


@dataclass(frozen=True, slots=True)
class StepLabel:
    """What is known of the answers that go on from the end of a step: what a process reward model learns from."""

    problem_id: str
    tokens: IntArray
    """[T] the prompt and the steps so far."""
    prompt_length: int
    value: float | None
    """Share of right ones among the answers that went on from here, or their expected score, in [0, 1]; None where none
    could be judged."""
    source: str
    weight: float = 1.0
    """Attempts, visits or ends that it speaks for."""
    ended: bool = False
    """Whether the last token is the end token; the same then holds of the token before it."""


@dataclass(frozen=True, slots=True)
class StepValues:
    """Values to learn at S chosen places of a sequence."""

    places: IntArray
    """[S] of the tokens with which the prefixes end."""
    targets: FloatArray
    """[S] in [0, 1]"""
    weights: FloatArray
    """[S] above 0: attempts, visits or ends that stand behind each."""


@dataclass(frozen=True, slots=True)
class TokenExample:
    """A sequence to learn from."""

    tokens: IntArray
    """[T] prompt and completion."""
    weights: FloatArray
    """[T] weight of each token's log-likelihood, below 0 for what is to become less likely; 0 on the prompt and on all
    of a failure."""
    prompt_length: int
    """Positions from prompt_length - 1 on are prefixes whose value may be learnt."""
    value_target: float | None
    """Truth of the whole attempt, in [0, 1]; None teaches the value nothing."""
    source: str
    problem_id: str
    """Empty for text that belongs to no problem."""
    value_weight: float = 1.0
    """Attempts that this example stands for when the value learns from it."""
    step_values: StepValues | None = None
    """Values of chosen prefixes, in place of the truth of the whole."""
    logprobs: FloatArray | None = None
    """[T] log-probability of each token under the policy that the learner is compared with: whoever wrote it, or the
    reference; 0 on the prompt. None where nothing is compared."""


@dataclass(frozen=True, slots=True)
class Views:
    """What is to be seen of L positions of a game of two."""

    boards: FloatArray
    """[L, C, H, W] from the view of whoever moves."""
    legal: Flags
    """[L, A]; none where it is over."""
    players: IntArray
    """[L] who moves, 0 or 1."""
    over: Flags
    """[L]"""
    results: FloatArray
    """[L] what whoever would move gets, in [-1, 1], where it is over; else 0."""


@dataclass(frozen=True, slots=True)
class Symmetry:
    """A way to turn or mirror a board that leaves the game as it is."""

    cells: IntArray
    """[H W] the old cell that comes to each cell, row by row."""
    moves: IntArray
    """[A] the old move that each move was."""


@dataclass(frozen=True, slots=True)
class Graded:
    """N positions of a game of one kind, solved."""

    kind: str
    lines: list[list[int]]
    """[N] the moves that lead to each from the first position."""
    worth: FloatArray
    """[N, A] what each move brings whoever makes it if nobody errs afterwards; -inf where it is illegal."""


@dataclass(frozen=True, slots=True)
class GameExample:
    """A game to learn from, move by move."""

    problem_id: str
    opening: IntArray
    """[O] moves that were made before anybody thought."""
    moves: IntArray
    """[T]"""
    policies: FloatArray
    """[T, A] what a policy should have proposed before each move."""
    values: FloatArray
    """[T] what search expected for whoever moved, in [-1, 1]."""
    weights: FloatArray
    """[T] of each policy in what is learnt; 0 where nobody thought."""
    result: float
    """What player 0 got, in [-1, 1]."""
    source: str = "self"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A paired contest: candidate and champion on the same held-out problems."""

    candidate: FloatArray
    """[N] scores."""
    champion: FloatArray
    """[N] scores on the same problems, in the same order."""
    generation: int
    generations: int
    """Contests planned in the whole run; the error budget is shared among them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Promote or refuse, with the reasons in words."""

    promote: bool
    reasons: tuple[str, ...]
    gain: float
    """Candidate minus champion, mean score."""
    interval: tuple[float, float]
    """95% interval of the gain."""
    p_value: float
    """One-sided, exact, of the null that the candidate is no better."""
    alpha: float
    """What this contest was allowed to spend of the run's false-promotion budget."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a run tells whoever watches it, while it happens."""

    stage: str
    """base, sample, score, train, gate, decide, test, done."""
    generation: int
    """0 before the first."""
    generations: int
    done: int = 0
    """Progress within the stage, out of `total`."""
    total: int = 0
    message: str = ""
    """A sentence worth keeping on the screen, such as the gate's reasons; usually empty."""
