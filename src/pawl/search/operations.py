"""Graph of Thoughts (Besta et al. 2024): which operations on thoughts there are, and a graph of them that a user makes.

This is the description, which never changes; `execution.py` carries it out. A thought's content is whatever the user's
functions make of it. Texts that a policy wrote reach those functions as data and are never run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Any

from pawl.errors import ConfigError, UnknownNameError
from pawl.records import Prompt, Sampling


@dataclass(frozen=True, slots=True, eq=False)
class Vertex:
    """A thought: a vertex of the graph."""

    number: int
    """In the order in which the thoughts of one problem were made; 0 is the problem. Scored, it is the same thought."""
    content: Any
    operation: str
    """Which made it; empty for the problem."""
    sources: tuple[Vertex, ...] = field(default=(), repr=False)
    """The thoughts that it was made from."""
    score: float | None = None
    """The higher the better; None before a score, and where a score abstained."""


@dataclass(frozen=True)
class Ask:
    """How a policy is asked, and how its answer is read."""

    prompt: Callable[[Any], Prompt]
    """Of a thought, or of the list of thoughts that an Aggregate merges."""
    read: Callable[[str], Any] = str.strip
    """What a text means; raises ValueError when it means nothing."""
    _: KW_ONLY
    count: int = 1
    """Texts drawn of each prompt."""
    max_tokens: int = 256
    """Longest text, in tokens; one that is cut off there is not read."""
    temperature: float = 1.0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("count", "max_tokens"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} of an Ask must be 1 or more, got {getattr(self, name)}")

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.max_tokens, self.temperature, stop=self.stop)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What takes thoughts and gives thoughts back."""

    after: str | tuple[str, ...] = ()
    """Names of the operations whose thoughts it takes, in this order; none: it takes the problem."""

    @property
    def predecessors(self) -> tuple[str, ...]:
        return (self.after,) if isinstance(self.after, str) else self.after


@dataclass(frozen=True)
class Generate(Operation):
    """New thoughts from each thought."""

    by: Ask | Callable[[Vertex], Sequence[Any]]
    """A policy, each text that can be read a thought; or a function that gives contents, such as the parts of one."""


@dataclass(frozen=True)
class Aggregate(Operation):
    """All thoughts merged into one, or by a policy into as many as it is asked for; nothing of no thoughts."""

    by: Ask | Callable[[list[Vertex]], Any]


@dataclass(frozen=True)
class Refine(Operation):
    """A better thought in place of each. By a policy it is the first text that can be read; a thought for which there
    is none stays as it was."""

    by: Ask | Callable[[Vertex], Any]


@dataclass(frozen=True)
class Score(Operation):
    """The same thoughts with scores, the higher the better. By a policy, the mean of what can be read as numbers."""

    by: Ask | Callable[[Vertex], float | None]
    """None abstains; so does a policy of which nothing can be read."""


@dataclass(frozen=True)
class KeepBest(Operation):
    """The thoughts with the highest scores, best first; the earlier of equals, and last those without a score."""

    count: int = 1
    of_each: bool = False
    """As many of each group of thoughts that were made from the same thoughts, the groups in their order."""

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"KeepBest must keep 1 thought or more, got {self.count}")


@dataclass(frozen=True)
class KeepValid(Operation):
    """The thoughts of which a function says that they are valid."""

    by: Callable[[Vertex], bool]


@dataclass(frozen=True)
class Select(Operation):
    """Those of the thoughts that a function picks out, such as the first half for one branch."""

    by: Callable[[list[Vertex]], Sequence[Vertex]]


KINDS = (Generate, Aggregate, Refine, Score, KeepBest, KeepValid, Select)


@dataclass(frozen=True)
class GraphOfOperations:
    """Operations by name, each after others.

    Raises ConfigError for no operations, for what is none, for a circle, and for a KeepBest that thoughts without a
    score come to; UnknownNameError for one after an operation that is not there.
    """

    operations: Mapping[str, Operation]

    def __post_init__(self) -> None:
        object.__setattr__(self, "operations", MappingProxyType(dict(self.operations)))
        if not self.operations:
            raise ConfigError("a graph of operations must have an operation or more, got none")
        for name, operation in self.operations.items():
            if not isinstance(operation, KINDS):
                raise ConfigError(f"{name!r} must be an operation, got {type(operation).__name__}",
                                  hint=f"operations: {', '.join(kind.__name__ for kind in KINDS)}")
            for before in operation.predecessors:
                if before not in self.operations:
                    raise UnknownNameError(f"operation before {name!r}", before, self.operations)
        self._check_scores(self.order)

    @property
    def order(self) -> tuple[str, ...]:
        """Names, each after those that it takes thoughts from."""
        before = {name: operation.predecessors for name, operation in self.operations.items()}
        try:
            return tuple(TopologicalSorter(before).static_order())
        except CycleError as error:
            circle = " -> ".join(map(repr, error.args[1]))
            raise ConfigError(f"operations must not go in a circle, got {circle}") from None

    @property
    def last(self) -> tuple[str, ...]:
        """Names of the operations whose thoughts none takes."""
        taken = {before for operation in self.operations.values() for before in operation.predecessors}
        return tuple(name for name in self.operations if name not in taken)

    def _check_scores(self, order: Sequence[str]) -> None:
        scored: dict[str, bool] = {}
        for name in order:
            operation = self.operations[name]
            before = operation.predecessors
            all_scored = bool(before) and all(scored[other] for other in before)
            if isinstance(operation, KeepBest) and not all_scored:
                lacking = [repr(other) for other in before if not scored[other]] or ["the problem itself"]
                raise ConfigError(f"{name!r} must keep the best of thoughts with scores, got some without from "
                                  + ", ".join(lacking), hint="put a Score between them")
            scored[name] = isinstance(operation, Score) or (
                all_scored and isinstance(operation, KeepBest | KeepValid | Select))
