"""Whether a task keeps the contract of `pawl.interfaces.Task`, and of `Corpus`, `Hindsight`, `Canonical`, `Symmetric`,
`ScoredApart`, `StepTask` and `Game` where it is one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import combinations, product

from pawl.interfaces import Canonical, Corpus, Hindsight, ScoredApart, Symmetric, Task
from pawl.records import SPLITS, Demonstration, Problem, Split
from pawl.testing_ask import ODD_TEXTS, Broken, ask, findings_of, is_score, shown
from pawl.testing_game import game_findings, is_meant_as_game
from pawl.testing_steps import step_findings

FEWEST_GATE_PROBLEMS = 100
"""With fewer, no honest test tells a better candidate from luck."""

_SAMPLE = 200
"""Problems of a split that are looked at."""
_SCORED = 20
"""Problems of a split that are scored."""
_SECONDS_TO_MAKE = 120.0


def check_task(task: Task) -> list[str]:
    """What is wrong with a task, a sentence each; empty when nothing is. May take some seconds."""
    lacking = [method for method in ("problems", "score") if not callable(getattr(task, method, None))]
    if lacking:
        return [f"a task must have {method}(), got a {type(task).__name__} without" for method in lacking]
    return findings_of(
        _name(task),
        _lists(task),
        _splits(task),
        _scores(task),
        _odd_texts(task),
        _score_workers(task),
        _corpus(task),
        _hindsight(task),
        _canonical(task),
        _variants(task),
        game_findings(task) if is_meant_as_game(task) else step_findings(task, lambda: _problems(task, "train", 5, 0)),
    )


def same_problems(one: Task, other: Task) -> list[str]:
    """What differs between two instances of one class that must be alike."""

    def differing() -> Iterator[str]:
        for split in SPLITS:
            if _problems(one, split, 20, 0) != _problems(other, split, 20, 0):
                yield f"two instances must give the same problems, got others for split {split!r} and seed 0"

    return findings_of(differing())


def _problems(task: Task, split: Split, count: int, seed: int) -> list[Problem]:
    what = f"problems({split!r}, {count}, seed={seed})"
    made = ask(what, lambda: task.problems(split, count, seed), seconds=_SECONDS_TO_MAKE)
    if not isinstance(made, list) or not all(isinstance(problem, Problem) for problem in made):
        raise Broken(f"{what} must give a list of pawl.records.Problem, got {shown(made)}")
    return made


def _name(task: Task) -> Iterator[str]:
    name = getattr(task, "name", None)
    if not isinstance(name, str) or not name:
        yield f"a task must have a name, got {shown(name)}"


def _lists(task: Task) -> Iterator[str]:
    for split in SPLITS:
        problems = _problems(task, split, _SAMPLE, 0)
        if not problems:
            yield f"split {split!r} must have problems, got none"
        if len(problems) > _SAMPLE:
            yield f"problems must be {_SAMPLE} at most when so many are asked for, got {len(problems)}"
        if _problems(task, split, _SAMPLE, 0) != problems:
            yield f"problems must be the same each time for the same seed, got others for split {split!r}"
        elif _problems(task, split, 10, 0) != problems[:10]:
            yield f"a longer list of problems must start with the shorter one, got another start for split {split!r}"
        if len({problem.id for problem in problems}) < len(problems):
            yield f"ids must be unique, got one twice in split {split!r}"
        for problem in problems:
            yield from _one(problem, split)
    available = len(_problems(task, "gate", FEWEST_GATE_PROBLEMS, 0))
    if available < FEWEST_GATE_PROBLEMS:
        yield f"the gate needs {FEWEST_GATE_PROBLEMS} problems or more to tell skill from luck, got {available}"


def _one(problem: Problem, split: Split) -> Iterator[str]:
    if problem.split != split:
        yield f"a problem of split {split!r} must say so, got {shown(problem.split)}"
    if not isinstance(problem.id, str) or not problem.id:
        yield f"an id must be text, got {shown(problem.id)}"
    if not _is_prompt(problem.prompt):
        yield f"a prompt must be text or messages with role and content, got {shown(problem.prompt)}"
    try:
        json.dumps(problem.data)
    except (TypeError, ValueError) as error:
        yield f"a problem's data must be JSON values: {error}"


def _is_prompt(prompt: object) -> bool:
    if isinstance(prompt, str):
        return bool(prompt)
    return isinstance(prompt, tuple) and all(
        isinstance(message, Mapping) and all(isinstance(message.get(key), str) for key in ("role", "content"))
        for message in prompt
    )


def _splits(task: Task) -> Iterator[str]:
    samples = {(split, seed): _problems(task, split, _SAMPLE, seed) for split in SPLITS for seed in (0, 1)}
    for one, other in combinations(SPLITS, 2):
        for seeds in ((0, 0), (0, 1), (1, 0)):
            prompts, others = ({_words(p) for p in samples[key]} for key in zip((one, other), seeds, strict=True))
            if both := prompts & others:
                yield f"splits must not overlap, got {shown(min(both))} in both {one!r} and {other!r}"
                break
    by_id: dict[str, str] = {}
    by_words: dict[str, str] = {}
    for problem in (problem for sample in samples.values() for problem in sample):
        words = _words(problem)
        if by_id.setdefault(problem.id, words) != words:
            yield "an id must name one problem under every seed, got one that names several"
            return
        if by_words.setdefault(words, problem.id) != problem.id:
            yield "a problem must keep its id under every seed, got several ids for one"
            return


def _words(problem: Problem) -> str:
    return problem.prompt if isinstance(problem.prompt, str) else json.dumps([dict(m) for m in problem.prompt])


def _scores(task: Task) -> Iterator[str]:
    problems = [problem for split in SPLITS for problem in _problems(task, split, _SCORED, 0)]
    answers = [problem.answer for problem in problems]
    for problem, another in zip(problems, [*answers[1:], *answers[:1]], strict=True):
        if problem.answer is not None:
            score = _score(task, problem, problem.answer, "the known answer")
            if is_score(score) and score != 1:
                yield f"the known answer must score 1, got {shown(score)} for problem {shown(problem.id)}"
        for what, answer in (("the known answer", problem.answer), ("another answer", another), ("blanks", " \n")):
            if answer is not None:
                yield from _score_findings(task, problem, answer, what)


def _score(task: Task, problem: Problem, answer: str, what: str) -> object:
    return ask(f"score of {what}", lambda: task.score(problem, answer))


def _score_findings(task: Task, problem: Problem, answer: str, what: str) -> Iterator[str]:
    score = _score(task, problem, answer, what)
    if not is_score(score):
        yield f"a score must be a number in [0, 1], got {shown(score)} for {what}"
    elif _score(task, problem, answer, what) != score:
        yield f"a score must be the same each time, got another for {what}"
    elif not answer.strip() and score != 0:
        yield f"an empty answer must score 0, got {shown(score)}"


def _odd_texts(task: Task) -> Iterator[str]:
    for problem in _problems(task, "train", 1, 0):
        for what, text in ODD_TEXTS.items():
            try:
                yield from _score_findings(task, problem, text, what)
            except Broken as broken:
                yield str(broken)


def _score_workers(task: Task) -> Iterator[str]:
    if isinstance(task, ScoredApart) and not (isinstance(task.score_workers, int) and task.score_workers >= 0):
        yield f"score_workers must be a whole number, 0 or more, got {shown(task.score_workers)}"


def _corpus(task: Task) -> Iterator[str]:
    if not isinstance(task, Corpus):
        return
    made, again = (ask("corpus", lambda: task.corpus(_SAMPLE, 0), seconds=_SECONDS_TO_MAKE) for _ in range(2))
    if not isinstance(made, list) or not all(isinstance(item, Demonstration) for item in made):
        yield f"a corpus must be a list of pawl.records.Demonstration, got {shown(made)}"
        return
    if len(made) > _SAMPLE:
        yield f"a corpus must be {_SAMPLE} demonstrations at most when so many are asked for, got {len(made)}"
    if made != again:
        yield "a corpus must be the same each time for the same seed, got another"
    for split in SPLITS[1:]:
        if any(problem.prompt in [item.prompt for item in made] for problem in _problems(task, split, _SAMPLE, 0)):
            yield f"a corpus must not show gate or test problems, got one of split {split!r}"


def _hindsight(task: Task) -> Iterator[str]:
    if not isinstance(task, Hindsight):
        return
    texts = list(ODD_TEXTS.values())
    if isinstance(task, Corpus):
        texts += [item.completion for item in task.corpus(_SCORED, 0)]
    problems = _problems(task, "train", _SCORED, 0)
    texts += [problem.answer for problem in problems if problem.answer is not None]
    for problem, text in product(problems, texts):
        named: object = ask("solved_by", partial(task.solved_by, problem, text))
        if named is None:
            continue
        if not isinstance(named, Problem):
            yield f"solved_by must give a problem or None, got {shown(named)}"
            return
        if (score := _score(task, named, text, "an answer at the problem that solved_by named")) != 1:
            yield f"solved_by must name a problem that the answer solves, got {shown(named.id)}: score {shown(score)}"
            return


def _variants(task: Task) -> Iterator[str]:
    if not isinstance(task, Symmetric):
        return
    held_out = {_words(problem) for split in SPLITS[1:] for problem in _problems(task, split, _SAMPLE, 0)}
    for problem in _problems(task, "train", _SCORED, 0):
        made, again = (ask("variants", partial(task.variants, problem)) for _ in range(2))
        if not isinstance(made, list | tuple) or not all(_is_prompt(prompt) for prompt in made):
            yield f"variants must be a list of prompts, got {shown(made)}"
            return
        if made != again:
            yield "variants must be the same each time, got others"
            return
        words = [_words(replace(problem, prompt=prompt)) for prompt in made]
        if _words(problem) in words:
            yield f"variants must be other prompts than the problem's own, got {shown(_words(problem))}"
            return
        if both := held_out & set(words):
            yield f"variants of a train problem must not show gate or test problems, got {shown(min(both))}"
            return


def _canonical(task: Task) -> Iterator[str]:
    if not isinstance(task, Canonical):
        return
    known = [problem.answer for problem in _problems(task, "train", _SCORED, 0) if problem.answer is not None]
    for text in (*ODD_TEXTS.values(), *known):
        said, again = (ask("canonical", partial(task.canonical, text)) for _ in range(2))
        try:
            hash(said)
        except TypeError:
            yield f"canonical must give something hashable, got {shown(said)}"
            return
        if said != again:
            yield "canonical must say the same each time, got another"
            return
