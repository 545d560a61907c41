"""The nouns of Pawl on one page: Task, Game, Policy, Judge, Search, Learner, Gate.

A thing with one method is a function; a thing with several is a protocol here. Nothing in this file does anything:
it says what each stage may count on, and `pawl.testing` checks that a part keeps its promises.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from pawl.records import (
    Attempt,
    Choice,
    Completion,
    Decision,
    Demonstration,
    Evaluation,
    Evidence,
    FloatArray,
    IntArray,
    KeyArray,
    Problem,
    Prompt,
    Revision,
    Sampling,
    Split,
    Symmetry,
    Verdict,
    Views,
)

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Task(Protocol):
    """Where problems come from, and the truth about answers to them."""

    @property
    def name(self) -> str: ...

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        """Up to `count` problems of a split; fewer when it has no more. The same seed gives the same list, a longer
        list starts with the shorter one, no problem comes twice, and no problem is in two splits under any seed."""
        ...

    def score(self, problem: Problem, answer: str) -> float:
        """Truth, in [0, 1], the same each time it is asked. Never raises on odd text: odd text scores 0."""
        ...


@runtime_checkable
class Corpus(Protocol):
    """A task that also has real text for the base model to learn from and the anchor to return to."""

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Up to `count` demonstrations, none of a gate or test problem."""
        ...


@runtime_checkable
class Documents(Protocol):
    """A task that has text without end."""

    def documents(self, count: int, seed: int) -> list[str]:
        """`count` documents, the same for the same seed and others for others; none of a gate or test problem."""
        ...


@runtime_checkable
class Known(Protocol):
    """A task that knows the language of its text."""

    def log_likelihood(self, document: str) -> float:
        """Of a document among all that the language has, in nats."""
        ...

    def true(self, document: str) -> bool:
        """Whether a document is of the language and says nothing false."""
        ...


@runtime_checkable
class Hindsight(Protocol):
    """A task that can name the problem to which a wrong answer would have been a right one."""

    def solved_by(self, problem: Problem, answer: str) -> Problem | None:
        """The problem, of any split, that an answer to `problem` solves, if any. Never raises on odd text."""
        ...


@runtime_checkable
class Canonical(Protocol):
    """A task whose answers can be worded differently and say the same."""

    def canonical(self, answer: str) -> Hashable:
        """What an answer says, without how it came to it: equal for answers that say the same, None where it says
        nothing. A vote counts it. Never raises on odd text."""
        ...


@runtime_checkable
class Symmetric(Protocol):
    """A task that can put a problem in other words."""

    def variants(self, problem: Problem) -> Sequence[Prompt]:
        """Other prompts to which the same answers are right; none where there is no other."""
        ...


@runtime_checkable
class ScoredApart(Protocol):
    """A task that says how many processes score its answers."""

    score_workers: int
    """0 is the run's own process. Without it, how long scores take decides."""


@runtime_checkable
class StepTask(Task, Protocol):
    """A task with rules: an answer is a path of legal steps."""

    def start(self, problem: Problem) -> Any: ...

    def actions(self, state: Any) -> Sequence[Any] | None:
        """Legal actions, or None when they are open-ended and the policy proposes them."""
        ...

    def step(self, state: Any, action: Any) -> Any:
        """The state after an action. Raises IllegalAction when the rules forbid it."""
        ...

    def terminal(self, state: Any) -> bool:
        """Whether the path has ended; not how well."""
        ...

    def prompt(self, state: Any) -> Prompt:
        """What a policy reads in this state: the problem and the steps so far."""
        ...

    def parse(self, text: str) -> Any:
        """The action that a line of text names. Raises IllegalAction when it names none."""
        ...

    def answer(self, state: Any) -> str:
        """The text of a finished path, as `score` takes it."""
        ...

    def key(self, state: Any) -> Hashable:
        """Equal for states that are equal, however they were reached."""
        ...


@runtime_checkable
class Game(Task, Protocol):
    """A task of two players who see everything and win what the other loses. Its problems are openings to play on from,
    an answer is the moves that were made, and its truth is what player 0 got, put into [0, 1].

    A state is a position; moves are numbers from 0 to `moves` - 1, the same ones in every position.
    """

    @property
    def moves(self) -> int:
        """A"""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of a board as a network sees it."""
        ...

    def start(self, problem: Problem | None = None) -> Any:
        """The position after a problem's opening; without one, the first."""
        ...

    def player(self, state: Any) -> int:
        """Who moves, 0 or 1."""
        ...

    def actions(self, state: Any) -> Sequence[int]:
        """Legal moves, smallest first; none when the game is over."""
        ...

    def step(self, state: Any, action: int) -> Any:
        """The position after a move; the one before stays as it was. Raises IllegalAction when the rules forbid it."""
        ...

    def terminal(self, state: Any) -> bool: ...

    def returns(self, state: Any) -> tuple[float, float]:
        """What each player got from a game that is over, in [-1, 1]; the two sum to 0."""
        ...

    def observe(self, state: Any) -> FloatArray:
        """[C, H, W] the board from the view of whoever moves."""
        ...

    def key(self, state: Any) -> Hashable:
        """Equal for states that are equal, however they were reached."""
        ...

    def show(self, state: Any) -> str:
        """The board for people to look at."""
        ...

    def move_name(self, state: Any, action: int) -> str:
        """A move as people write it, without blanks."""
        ...

    def parse_move(self, state: Any, text: str) -> int:
        """The legal move that a text names. Raises IllegalAction when it names none."""
        ...

    def symmetries(self) -> Sequence[Symmetry]:
        """Ways to turn or mirror the board that leave the game as it is; that which changes nothing may be missing."""
        ...


class ManyBoards(Protocol):
    """The rules of a game for many positions at a time, states in an array [L, ...]."""

    def start(self, openings: Sequence[Sequence[int]]) -> NDArray[Any]:
        """[L, ...] the positions after these moves."""
        ...

    def step(self, states: NDArray[Any], moves: IntArray) -> NDArray[Any]:
        """[L, ...] the positions after legal moves [L]."""
        ...

    def view(self, states: NDArray[Any]) -> Views: ...


@runtime_checkable
class InMany(Protocol):
    """A game that knows its rules for many positions at a time, faster than one after the other."""

    def many(self) -> ManyBoards: ...


class BoardPlayer(Protocol):
    """Who plays a board game."""

    @property
    def name(self) -> str: ...

    def choose(self, lines: Sequence[Sequence[int]], states: NDArray[Any], keys: KeyArray) -> IntArray:
        """[L] moves in positions [L], none of which is an end, -1 to give up; `lines` are the moves that led there from
        the first position, `keys` [L] the luck of each."""
        ...


class IllegalAction(ValueError):
    """The rules forbid this action in this state."""


class Policy(Protocol):
    """What proposes. Prefixes are token arrays made by `encode`."""

    @property
    def context(self) -> int:
        """The longest sequence it can take, in tokens."""
        ...

    def encode(self, prompt: Prompt) -> IntArray:
        """[P] tokens of a prompt, chat template applied where the model has one and the prompt is messages."""
        ...

    def encode_demonstration(self, demonstration: Demonstration) -> tuple[IntArray, IntArray]:
        """Prompt tokens and completion tokens, the end token included, as the policy would have written them."""
        ...

    def decode(self, tokens: IntArray) -> str:
        """The text of tokens [T], special ones left out."""
        ...

    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        """`count` completions of each prefix. `keys` [B, count]: one random stream a row, consumed; what a row draws
        depends on its key and its prefix alone, never on its neighbours."""
        ...

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        """Next-token log-probabilities and value of each prefix."""
        ...

    def logprobs(self, prefixes: Sequence[IntArray], completions: Sequence[IntArray]) -> list[FloatArray]:
        """[T] log-probability of each completion token, from a full forward pass in float32 at temperature 1."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """A policy that can keep what it computed of prefixes, so that what several share is computed once."""

    def remembering(self) -> AbstractContextManager[None]:
        """While it is open, `propose` and `evaluate` forward what is new of a prefix. Scopes may nest; what was kept
        goes with the outermost, and at once when the weights change."""
        ...

    def unread(self, prefixes: Sequence[IntArray]) -> Sequence[int]:
        """[B] tokens of each prefix that `propose` or `evaluate` of them all would forward now, without what is
        sampled: what several share counts for the first, and nothing is kept outside `remembering`."""
        ...


class Trainable(Policy, Protocol):
    """A policy whose weights can learn."""

    def clone(self) -> Trainable: ...

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]: ...

    def forward(self, tokens: torch.Tensor, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits [N, V] and value logits [N] at the N chosen positions (a mask [B, T], row by row) of right-padded
        tokens [B, T]. Training calls it from several threads at a time, and so `values`."""
        ...

    def values(self, tokens: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        """Value logits [N] as in `forward`, but their gradient reaches the value head alone."""
        ...

    def save(self, directory: Path) -> None:
        """Write the Hugging Face layout; loading it gives back the same policy, value head included."""
        ...


Search = Callable[[Policy, StepTask, Sequence[Any], KeyArray], list[Choice]]
"""A choice in each of the states [B], none terminal; keys [B]. A value that it asks, it was made with."""


@runtime_checkable
class SearchOfPaths(Protocol):
    """A search that may go on, at a path's next step, from what it found at the last."""

    def begin(self) -> Search:
        """For the steps of one set of paths: asked first about their starts, then each time about the states that its
        choices led to, in the same order, without those that have ended."""
        ...


Judge = Callable[[Sequence[Attempt]], list[Verdict]]
"""A verdict for each attempt. A judge that cannot decide abstains (score None); it never guesses."""


Prefers = Callable[[Sequence[tuple[Attempt, Attempt]]], list[bool | None]]
"""For each of N pairs of attempts at one problem whether the first is the better one; None where nobody can say."""


class Critic(Protocol):
    """Who reads answers by written principles, each by one. It never guesses; one odd answer costs others nothing."""

    @property
    def name(self) -> str: ...

    def revise(self, attempts: Sequence[Attempt], principles: Sequence[str]) -> list[Revision]:
        """[N] what is wrong with each attempt, and the answer put better."""
        ...

    def prefers(self, pairs: Sequence[tuple[Attempt, Attempt]], principles: Sequence[str]) -> list[bool | None]:
        """[N] as `Prefers`."""
        ...

    def rate(self, attempts: Sequence[Attempt], principles: Sequence[str]) -> list[Verdict]:
        """[N] how well each attempt keeps to its principle."""
        ...


@runtime_checkable
class Criticised(Protocol):
    """A task that brings principles and a critic who knows them."""

    @property
    def principles(self) -> Sequence[str]: ...

    def critic(self) -> Critic: ...


@runtime_checkable
class Early(Protocol):
    """A judge that can begin before it is asked. What it says does not depend on whether it could."""

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]: ...

    def expect(self, attempts: Sequence[Attempt]) -> None:
        """These attempts will be asked about, once. Returns soon."""
        ...


Learner = Callable[..., Any]
"""(champion: Trainable, examples: Sequence[TokenExample], ...) -> candidate. The champion is left untouched."""

Gate = Callable[[Evidence], Decision]
"""Promote or refuse; a pure function of the evidence."""
