"""Game of 24 against brute force in fractions, and against answers that attack it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import DataError
from pawl.interfaces import Corpus, IllegalAction, StepTask
from pawl.records import SPLITS, Demonstration
from pawl.tasks.game24 import LARGEST_MADE, Game24, hands, puzzle, solvable
from pawl.testing import check

TASK = Game24()
HARD = puzzle((3, 3, 8, 8))
SOLUTION = "8/3=(8/3) left (8/3) 3 8\n3-(8/3)=(1/3) left (1/3) 8\n8/(1/3)=24 left 24"
HANDS = st.lists(st.integers(1, 13), min_size=4, max_size=4)


@cache
def all_values(numbers: tuple[int, ...]) -> frozenset[Fraction]:
    """Every value of an expression over all the numbers, negative ones and fractions on the way allowed."""
    if len(numbers) == 1:
        return frozenset(map(Fraction, numbers))
    values: set[Fraction] = set()
    for size in range(1, len(numbers)):
        for chosen in combinations(range(len(numbers)), size):
            rest = tuple(numbers[i] for i in range(len(numbers)) if i not in chosen)
            for a in all_values(tuple(numbers[i] for i in chosen)):
                for b in all_values(rest):
                    values |= {a + b, a - b, a * b} | ({a / b} if b else set())
    return frozenset(values)


@given(HANDS)
@hypothesis.settings(max_examples=40, deadline=None)
def test_a_hand_is_solvable_where_some_expression_makes_24(hand: list[int]) -> None:
    assert solvable(tuple(sorted(hand))) == (24 in all_values(tuple(sorted(hand))))


def test_there_are_1362_puzzles_and_each_is_in_one_split() -> None:
    listed = [problem.id for split in SPLITS for problem in TASK.problems(split, 10**6, 0)]
    assert len(listed) == len(set(listed)) == 1362


def test_splits_are_about_70_15_and_15_in_a_hundred() -> None:
    sizes = [len(TASK.problems(split, 10**6, 0)) / 1362 for split in SPLITS]
    assert sizes == pytest.approx([0.7, 0.15, 0.15], abs=0.04)


def test_the_task_keeps_its_contract() -> None:
    assert isinstance(TASK, StepTask)
    assert isinstance(TASK, Corpus)
    assert check(TASK) == []


@pytest.mark.parametrize("answer", [
    SOLUTION,
    "8/3=(8/3)\n3-(8/3)=(1/3)\n8/(1/3)=24",
    "8 / 3 = (8/3) left (8/3) 3 8\n3 - (8/3) = (1/3)\n8 / (1/3) = 24",
    "8/(3-8/3)",
])
def test_a_right_answer_scores_1_in_steps_and_as_an_expression(answer: str) -> None:
    assert TASK.score(HARD, answer) == 1.0


@pytest.mark.parametrize("answer", [
    "", "24", "8*3=24", "8*3=24 left 24", "3*8=24\n24+3=27\n27-3=24", SOLUTION + "\n24+0=24",
    SOLUTION.replace("(1/3) 8", "8"), SOLUTION.replace("(8/3) 3 8", "3 3 8"),
    "8/3=2\n3-2=1\n8/1=8", "8/(3-8/3)+0", "3*8+3-3", "8/(3-3)", "\uff18*3=24",
    "8/0=24", "(8/0)*3=24", "-8*-3", "__import__('os')", "9" * 2000,
])
def test_a_wrong_or_hostile_answer_scores_0(answer: str) -> None:
    assert TASK.score(HARD, answer) == 0.0


def test_a_step_may_be_stated_without_what_is_left_and_is_the_same_step() -> None:
    bare, full = TASK.parse("8/3=(8/3)"), TASK.parse("8/3=(8/3) left (8/3) 3 8")
    assert bare == full
    assert TASK.step(TASK.start(HARD), bare) == TASK.step(TASK.start(HARD), full)


def test_a_step_that_says_wrongly_what_is_left_is_no_vote_for_the_right_one() -> None:
    right, wrong = SOLUTION, SOLUTION.replace("left 24", "left 25")
    assert TASK.canonical(right) == TASK.canonical(right.replace("8/3", "8 / 3", 1)) != TASK.canonical(wrong)
    assert TASK.canonical("well") == "well"


@pytest.mark.parametrize("text", ["8/3=2", "8+3", "8^3=24", "8/0=8", "eight+3=11", "8+3=11 left", "8+3=11 right 3 8"])
def test_a_line_that_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(IllegalAction):
        TASK.parse(text)


@pytest.mark.parametrize(("text", "named"), [("8*9=72", "9 is not among"), ("3-8=0", "result is"),
                                             ("8-3=5 left 3 5", "what is left is 3 5 8")])
def test_a_step_that_the_table_forbids_says_why(text: str, named: str) -> None:
    with pytest.raises(IllegalAction, match=named):
        TASK.step(TASK.start(HARD), TASK.parse(text))


def test_every_solution_of_the_solver_is_right_and_brute_force_finds_no_other() -> None:
    solved = set(TASK.solutions(HARD))
    legal = {"\n".join(path) for path in _paths(HARD.data["numbers"])}
    assert solved == {path for path in legal if TASK.score(HARD, path) == 1.0} == {SOLUTION}


def _paths(numbers: list[Fraction | int]) -> list[list[str]]:
    """Every path of steps, larger operand first for + and *, no negative left."""
    if len(numbers) == 1:
        return [[]]
    found = []
    for i, j in permutations(range(len(numbers)), 2):
        a, b = Fraction(numbers[i]), Fraction(numbers[j])
        rest = [Fraction(numbers[k]) for k in range(len(numbers)) if k not in (i, j)]
        results = {"+": a + b, "*": a * b} if a >= b else {}
        results |= ({"-": a - b} if a >= b else {}) | ({"/": a / b} if b else {})
        for operator, result in results.items():
            left = sorted([*rest, result])
            line = f"{_text(a)}{operator}{_text(b)}={_text(result)} left {' '.join(map(_text, left))}"
            found += [[line, *path] for path in _paths(left)]
    return found


def _text(number: Fraction) -> str:
    return str(number) if number.denominator == 1 else f"({number})"


def test_puzzles_of_a_file_are_the_test_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "held_out.txt"
    path.write_text("4 5 6 10\n\n8 3 8 3\n")
    task = Game24(test_puzzles=str(path))
    assert {problem.id for problem in task.problems("test", 10**6, 0)} == {"4 5 6 10", "3 3 8 8"}
    assert sum(len(task.problems(split, 10**6, 0)) for split in SPLITS) == 1362


@pytest.mark.parametrize(("text", "named"), [
    ("4 5 6\n", "line 1"), ("4 5 6 10\n4 5 6 x\n", "line 2"), ("4 5 6 14\n", "1 to 13"), ("1 1 1 1\n", "makes 24"),
    ("\n", "must name a puzzle"),
])
def test_a_file_that_cannot_be_held_out_says_why(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "held_out.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=named):
        Game24(test_puzzles=str(path)).problems("test", 1, 0)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="nowhere"):
        Game24(test_puzzles="nowhere.txt").problems("test", 1, 0)


def test_the_corpus_is_legal_play_that_makes_what_its_prompt_asks_for() -> None:
    corpus = TASK.corpus(500, 1)
    assert len(corpus) == 500
    for numbers, made, play in headed(corpus):
        state = TASK.start(puzzle(numbers))
        for line in play.split("\n"):
            state = TASK.step(state, TASK.parse(line))
        assert state.numbers == (made,)
        assert 0 <= made <= LARGEST_MADE


def test_no_numbers_of_the_corpus_are_held_out(tmp_path: Path) -> None:
    path = tmp_path / "held_out.txt"
    path.write_text("".join(f"{problem.id}\n" for problem in TASK.problems("train", 300, 0)))
    task = Game24(test_puzzles=str(path))
    held_out = {problem.id for split in ("gate", "test") for problem in task.problems(split, 10**6, 0)}
    shown = {" ".join(map(str, numbers)) for numbers, _, _ in headed(task.corpus(3000, 1))}
    assert not shown & held_out
    assert shown - {problem.id for problem in task.problems("train", 10**6, 0)}, "those that make no 24 are played too"


def headed(corpus: Sequence[Demonstration]) -> Iterator[tuple[tuple[int, ...], int, str]]:
    """The numbers of each play, what it is asked to make, and the play."""
    for each in corpus:
        assert isinstance(each.prompt, str)
        numbers, _, made = each.prompt.strip().partition("=")
        yield tuple(map(int, numbers.split())), int(made), each.completion


def test_hands_are_all_four_numbers_in_order_and_sorted() -> None:
    listed = list(hands())
    assert len(listed) == 1820
    assert listed == sorted(listed)
    assert all(list(numbers) == sorted(numbers) for numbers in listed)
