"""A run's attempts as data that TRL's trainers take as they are: `datasets.load_dataset("json", data_files=FILE)`.

    sft       {prompt, completion}            right attempts
    dpo       {prompt, chosen, rejected}      attempts at one problem, the better one chosen
    kto       {prompt, completion, label}     right and wrong attempts
    stepwise  {prompt, completions, labels}   the lines of an attempt, and whether each is right

A prompt of messages stays one, and its completions are messages then; of stepwise data, which TRL has as text only, it
is the messages' contents, a line break between them. Answers to a problem that have the same text are
one, with the last verdict on it. Rows come in the order of problems and of attempts in the ledger.

Labels of steps are what the ledger can vouch for: every step of a right attempt is right, as its whole is; of a wrong
one, the steps with which a right attempt at the problem begins, too, are right, and the last is the wrong one if all
before it are right. Where more than the last is in doubt, and where an attempt was cut off, there is no label, and it
is left out. Not covered: examples of the anchor and of other text, which `jsonl` has; the values of steps, which no
ledger keeps. The distinct answers of the run are held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from pawl.errors import ConfigError, RunError
from pawl.judges.formats import as_text
from pawl.judges.prefixes import step_ends
from pawl.records import Attempt, Prompt, Verdict
from pawl.selection.pairs import facing

Kind = Literal["sft", "dpo", "kto", "stepwise"]
KINDS: tuple[Kind, ...] = ("sft", "dpo", "kto", "stepwise")
"""TRL's types of data: prompt-completion, preference, unpaired preference, stepwise supervision."""

Row = dict[str, Any]
Judged = tuple[Attempt, Verdict]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which attempts are taken for what."""

    threshold: float = 1.0
    """The score from which an attempt is right."""
    margin: float = 0.5
    """By how much the score of a wrong one lies below that, at least, and that of a rejected one below the chosen."""
    pairs: int = 4
    """Of attempts at a problem, at most."""
    uses: int = 1
    """In how many pairs an attempt may be."""

    def __post_init__(self) -> None:
        for name in ("threshold", "margin"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie above 0 and be 1 at most, got {getattr(self, name)}")
        for name in ("pairs", "uses"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be 1 or more, got {getattr(self, name)}")


@dataclass
class Answer:
    """A text that somebody answered a problem with, once or more often."""

    text: str
    score: float
    finished: bool


@dataclass
class Asked:
    """A problem with the distinct answers to it that were judged."""

    prompt: Prompt
    answers: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Typed:
    """Rows for a trainer, and what became of the attempts: those in no row are counted by the reason."""

    rows: list[Row]
    problems: int
    attempts: int
    left_out: dict[str, int]


def typed_rows(kind: Kind, judged: Iterable[Judged], *, choice: Choice | None = None) -> Typed:
    """The rows of a kind. Raises RunError, which says what would be needed, when there is none, and for prompts of
    which some are text and some messages."""
    choice, left_out, attempts = choice or Choice(), Counter[str](), 0
    asked: dict[str, Asked] = {}
    for attempt, verdict in judged:
        attempts += 1
        if (reason := _take(asked, attempt, verdict)) is not None:
            left_out[reason] += 1
    if kind != "stepwise":
        _same_form(asked.values())
    rows, problems = list[Row](), 0
    for one in asked.values():
        made = list(_ROWS[kind](one, choice, left_out))
        rows, problems = rows + made, problems + bool(made)
    if not rows:
        raise _nothing(kind, choice, left_out, attempts)
    return Typed(rows, problems, attempts, {reason: count for reason, count in sorted(left_out.items()) if count})


def _take(asked: dict[str, Asked], attempt: Attempt, verdict: Verdict) -> str | None:
    """Puts an attempt beside others at its problem; the reason where it is left out."""
    text, score = attempt.completion.text, verdict.score
    if attempt.error is not None:
        return "failed"
    if score is None:
        return "without a score"
    if not text.strip():
        return "empty"
    if not (_is_unicode(text) and _is_unicode(as_text(attempt.problem.prompt))):
        return "no valid Unicode"
    one = asked.setdefault(attempt.problem.id, Asked(attempt.problem.prompt))
    finished = attempt.completion.finish == "stop"
    if (known := one.answers.get(text)) is not None:
        known.score, known.finished = score, known.finished or finished
        return "repeated"
    one.answers[text] = Answer(text, score, finished)
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which no reader of the file would take
        return False
    return True


def _sft(asked: Asked, choice: Choice, left_out: Counter[str]) -> Iterator[Row]:
    for answer in asked.answers.values():
        if answer.score >= choice.threshold:
            yield {"prompt": _prompt(asked), "completion": _said(asked, answer)}
        else:
            left_out["not right"] += 1


def _dpo(asked: Asked, choice: Choice, left_out: Counter[str]) -> Iterator[Row]:
    answers = list(asked.answers.values())
    pairs = [(answers[better], answers[worse]) for better, worse in facing(
        [answer.score for answer in answers], most=choice.pairs, margin=choice.margin, uses=choice.uses)]
    left_out["unpaired"] += len(asked.answers) - len({answer.text for pair in pairs for answer in pair})
    for chosen, rejected in pairs:
        yield {"prompt": _prompt(asked), "chosen": _said(asked, chosen), "rejected": _said(asked, rejected)}


def _kto(asked: Asked, choice: Choice, left_out: Counter[str]) -> Iterator[Row]:
    for answer in asked.answers.values():
        if (label := _is_right(answer, choice)) is None:
            left_out["neither right nor wrong"] += 1
        else:
            yield {"prompt": _prompt(asked), "completion": _said(asked, answer), "label": label}


def _stepwise(asked: Asked, choice: Choice, left_out: Counter[str]) -> Iterator[Row]:
    steps = {text: _steps(text) for text in asked.answers}
    right = [steps[text] for text, answer in asked.answers.items() if _is_right(answer, choice)]
    sound = {tuple(those[:end]) for those in right for end in range(1, len(those) + 1)}
    for text, answer in asked.answers.items():
        match _is_right(answer, choice):
            case None:
                left_out["neither right nor wrong"] += 1
            case False if not answer.finished:
                left_out["cut off"] += 1
            case False if not _errs_at_last(steps[text], sound):
                left_out["wrong at an unknown step"] += 1
            case label:
                labels = [True] * (len(steps[text]) - 1) + [label]
                yield {"prompt": as_text(asked.prompt), "completions": steps[text], "labels": labels}


def _errs_at_last(steps: list[str], sound: set[tuple[str, ...]]) -> bool:
    """Whether right attempts begin with all steps but the last, and none with that one, too."""
    before = tuple(steps[:-1])
    return tuple(steps) not in sound and (not before or before in sound)


def _steps(text: str) -> list[str]:
    """The lines of an answer, blank ones left out."""
    ends = step_ends(text, "\n")
    return [text[start:end].strip("\n") for start, end in zip([0, *ends], ends, strict=False)]


_ROWS: dict[Kind, Callable[[Asked, Choice, Counter[str]], Iterator[Row]]] = {
    "sft": _sft, "dpo": _dpo, "kto": _kto, "stepwise": _stepwise}


def _is_right(answer: Answer, choice: Choice) -> bool | None:
    """None between right and wrong."""
    if answer.score >= choice.threshold:
        return True
    return False if choice.threshold - answer.score >= choice.margin else None


def _prompt(asked: Asked) -> Any:
    return asked.prompt if isinstance(asked.prompt, str) else [dict(message) for message in asked.prompt]


def _said(asked: Asked, answer: Answer) -> Any:
    """A completion in the form of its prompt."""
    return answer.text if isinstance(asked.prompt, str) else [{"role": "assistant", "content": answer.text}]


def _same_form(asked: Iterable[Asked]) -> None:
    if len({isinstance(one.prompt, str) for one in asked}) > 1:
        raise RunError("prompts must be all text or all messages to be one data set of TRL, got both",
                       hint="--to jsonl has them as they are")


def _nothing(kind: Kind, choice: Choice, left_out: Counter[str], attempts: int) -> RunError:
    needed, hint = {
        "sft": (f"an attempt with a score of {choice.threshold:g} or more", "a lower --threshold takes more for right"),
        "dpo": (f"two attempts at one problem whose scores lie {choice.margin:g} apart",
                "run with more --attempts at each problem, or export with a smaller --margin"),
        "kto": (f"an attempt with a score of {choice.threshold:g} or more, or of {choice.threshold - choice.margin:g} "
                "or less", "a smaller --margin takes more for wrong"),
        "stepwise": ("a right attempt, or a wrong one of which it is known at which step", "run more generations"),
    }[kind]
    counts = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()) if count) or "nothing else"
    return RunError(f"an export to {kind} must have {needed}, got {attempts} attempts: {counts}", hint=hint)
