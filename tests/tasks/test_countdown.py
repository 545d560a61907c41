"""Countdown against brute force in fractions, and against answers that attack it."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError, UnknownNameError
from pawl.interfaces import Corpus, IllegalAction, StepTask
from pawl.records import SPLITS
from pawl.tasks.countdown import Action, Countdown, reachable
from pawl.testing import check

SMALL = Countdown(numbers=3, max_number=7, max_target=60)
PROBLEM = Countdown.problem([7, 3, 3], 24)
HANDS = st.lists(st.integers(1, 12), min_size=2, max_size=4)


@cache
def all_values(numbers: tuple[int, ...]) -> frozenset[int]:
    """Every whole value of an expression over all the numbers, negative ones on the way allowed, divisions exact."""
    if len(numbers) == 1:
        return frozenset(numbers)
    values: set[int] = set()
    for size in range(1, len(numbers)):
        for chosen in combinations(range(len(numbers)), size):
            left = tuple(sorted(numbers[i] for i in chosen))
            right = tuple(sorted(numbers[i] for i in range(len(numbers)) if i not in chosen))
            for a in all_values(left):
                for b in all_values(right):
                    values |= {a + b, a - b, a * b}
                    if b and Fraction(a, b).denominator == 1:
                        values.add(a // b)
    return frozenset(values)


@given(HANDS)
def test_steps_reach_every_value_that_expressions_reach(hand: list[int]) -> None:
    numbers = tuple(sorted(hand))
    assert {v for v in reachable(numbers) if v > 0} == {v for v in all_values(numbers) if v > 0}


def test_every_problem_of_the_table_is_one_that_brute_force_finds() -> None:
    listed = {problem.id for split in SPLITS for problem in SMALL.problems(split, 10**6, 0)}
    hands = {tuple(sorted((a, b, c))) for a in range(1, 8) for b in range(1, 8) for c in range(1, 8)}
    found = {f"{' '.join(map(str, hand))}={v}" for hand in hands for v in all_values(hand) if 1 <= v <= 60}
    assert listed == found


def paths(numbers: tuple[int, ...], steps: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """Every path of legal steps, larger operand first: its last number and its text."""
    if len(numbers) == 1:
        yield numbers[0], "\n".join(steps)
    for i, j in permutations(range(len(numbers)), 2):
        a, b = numbers[i], numbers[j]
        if a < b:
            continue
        rest = tuple(n for k, n in enumerate(numbers) if k not in (i, j))
        results = {"+": a + b, "-": a - b, "*": a * b} | ({"/": a // b} if b and a % b == 0 else {})
        for symbol, value in results.items():
            yield from paths((*rest, value), (*steps, f"{a}{symbol}{b}={value}"))


@given(st.lists(st.integers(1, 9), min_size=2, max_size=3), st.integers(1, 30))
def test_solutions_are_those_of_brute_force(hand: list[int], target: int) -> None:
    found = {text for value, text in paths(tuple(hand)) if value == target}
    assert set(SMALL.solutions(Countdown.problem(hand, target))) == found


@given(HANDS, st.data())
def test_every_solution_scores_1_and_a_path_to_another_number_scores_0(hand: list[int], data: st.DataObject) -> None:
    value, text = data.draw(st.sampled_from(list(paths(tuple(hand[:3])))))
    target = data.draw(st.sampled_from([value, value + 1]))
    problem = Countdown.problem(hand[:3], max(target, 1))
    assert SMALL.score(problem, text) == float(value == max(target, 1))


@given(HANDS, st.data())
def test_a_path_solves_the_problem_of_its_end_whatever_it_was_asked(hand: list[int], data: st.DataObject) -> None:
    value, text = data.draw(st.sampled_from(list(paths(tuple(hand[:3])))))
    asked = Countdown.problem(hand[:3], data.draw(st.integers(1, 99)))
    wanted = Countdown.problem(hand[:3], value) if SMALL.min_target <= value <= SMALL.max_target else None
    assert SMALL.solved_by(asked, text) == wanted


@pytest.mark.parametrize("answer", ["", "3+7", "3+7=11", "3+7=10", "9+9=18\n18+1=19", "3+7=10\n" * 10**5, "(" * 10**5])
def test_what_is_no_legal_path_to_the_end_solves_nothing(answer: str) -> None:
    assert Countdown().solved_by(Countdown.problem((3, 7, 9), 12), answer) is None


@pytest.mark.parametrize(("one", "other", "same"), [
    ("3+7=10\n10*9=90", "7+3=10\n9*10=90\n", True), ("9-3=6\n6+7=13", "9+7=16\n16-3=13", False),
    ("3+7=11", " 3+7=11\n", True), ("3+7=11", "7+3=11", False), ("(3+7)*9", "(3+7)*9 ", True)])
def test_answers_of_the_same_steps_say_the_same(one: str, other: str, same: bool) -> None:
    """What is no step is a text, which says what it says."""
    assert (Countdown().canonical(one) == Countdown().canonical(other)) is same
    assert Countdown().canonical(" \n") is None


OPERANDS = st.sampled_from(["3", "7", "3", "24", "1"])
TEXTS = st.one_of(
    st.text(alphabet="37+-*/() =\n", max_size=16),
    st.lists(st.tuples(OPERANDS, st.sampled_from("+-*/")), min_size=3, max_size=3).map(
        lambda pairs: "".join(f"{number}{symbol}" for number, symbol in pairs)[:-1]
    ),
)


@given(TEXTS)
def test_an_expression_scores_as_an_oracle_in_fractions_says(text: str) -> None:
    if "=" not in text:
        assert SMALL.score(PROBLEM, text) == float(oracle(text.strip("\n")) == (24, [3, 3, 7]))


def oracle(text: str) -> tuple[int, list[int]] | None:
    numbers: list[int] = []

    def walk(node: ast.AST) -> Fraction:
        match node:
            case ast.Constant(value=int(value)):
                numbers.append(value)
                return Fraction(value)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = walk(left), walk(right)
                value = {"Add": a.__add__, "Sub": a.__sub__, "Mult": a.__mul__, "Div": a.__truediv__}[
                    type(op).__name__
                ](b)
                if value.denominator != 1:
                    raise ArithmeticError
                return value
        raise SyntaxError

    try:
        value = walk(ast.parse(text.strip(" "), mode="eval").body)
    except (SyntaxError, ArithmeticError, KeyError):
        return None
    return int(value), sorted(numbers)


@pytest.mark.parametrize(
    "answer",
    ["7*3+3", "(7*3)+3", "3+7*3", " 3 + (7 * 3) ", "7*3=21\n21+3=24", "3*7=21\n3+21=24", " 7 * 3 = 21 \n 21+3=24\n"],
)
def test_right_answers_of_every_form_score_1(answer: str) -> None:
    assert SMALL.score(PROBLEM, answer) == 1


ATTACKS = {
    "a decimal point": "3.5*2+7+3+7",
    "a power": "3**3-3",
    "a floor division": "7//3+3",
    "a sign": "+7*3+3",
    "a minus sign": "-3+7*3+3+3",
    "Arabic digits": "\u0667*\u0663+\u0663",
    "wide digits": "\uff17*\uff13+\uff13",
    "an unused number": "24",
    "a number of its own": "24*1",
    "a reused number": "7*3+3+3-3",
    "two of three": "7*3",
    "the target itself": "24=24",
    "brackets": "(" * 100_000,
    "a megabyte": "7*3+3" + " " * 2**20,
    "a megabyte of lines": "7*3=21\n21+3=24" + "\n" * 2**20,
    "what a cut would hide": "7*3=21\n21+3=24" + "\n" * 2000 + "1+1=3",
    "blanks before more": "7*3+3" + " " * 2000 + "x",
    "terminal escapes": "\x1b[2J7*3+3",
    "markup": "[b]7*3+3[/b]",
    "a script": "<script>7*3+3</script>",
    "nothing": "",
    "blank": " \n ",
    "a NUL": "7*3+3\x00",
    "a surrogate": "7*3+3\ud800",
    "code": "__import__('os').getpid()",
    "a wrong result": "7*3=24",
    "a false step": "7*3=21\n21+3=25",
    "a step too few": "7*3=21",
    "two results": "7*3=21=21",
    "a negative step": "3-7=-4\n-4+28=24",
    "a step with an unknown number": "8*3=24\n24+3=27",
    "a blank line": "7*3=21\n\n21+3=24",
    "an inexact step": "7/3=2\n2*12=24",
    "three at once": "7*3+3=24",
    "step after the end": "7*3=21\n21+3=24\n24+0=24",
    "an expression and steps": "7*3+3\n7*3=21",
    "words around": "the answer is 7*3+3",
    "a division by zero": "7/(3-3)",
}


@pytest.mark.parametrize("answer", ATTACKS.values(), ids=ATTACKS.keys())
def test_attacks_score_0(answer: str) -> None:
    assert SMALL.score(PROBLEM, answer) == 0


@given(st.text())
def test_no_text_makes_the_checker_fail(text: str) -> None:
    assert SMALL.score(PROBLEM, text) in (0.0, 1.0)
    with contextlib.suppress(IllegalAction):
        assert isinstance(SMALL.parse(text), Action)


@given(st.integers(), st.integers(0, 40), st.integers(0, 40), st.sampled_from(SPLITS))
def test_a_longer_list_starts_with_the_shorter_one(seed: int, one: int, other: int, split: str) -> None:
    shorter, longer = sorted((one, other))
    assert SMALL.problems(split, longer, seed)[:shorter] == SMALL.problems(split, shorter, seed)  # type: ignore[arg-type]


def test_splits_share_no_problem_and_have_their_shares() -> None:
    task = Countdown()
    tables = {split: {problem.id for problem in task.problems(split, 10**6, 1)} for split in SPLITS}
    total = sum(map(len, tables.values()))
    assert total == len(set().union(*tables.values())) == 16_206
    assert len(tables["test"]) >= 1000
    for split, share in zip(SPLITS, (0.4, 0.4, 0.2), strict=True):
        assert abs(len(tables[split]) / total - share) < 0.02


def test_the_corpus_is_legal_play_on_train_problems() -> None:
    train = {problem.prompt: problem for problem in SMALL.problems("train", 10**6, 0)}
    corpus = SMALL.corpus(300, 5)
    assert len(corpus) == 300
    for demonstration in corpus:
        state = SMALL.start(train[demonstration.prompt])
        for line in demonstration.completion.split("\n"):
            state = SMALL.step(state, SMALL.parse(line))
        assert SMALL.terminal(state)


def test_the_corpus_does_not_look_at_the_target() -> None:
    train = {problem.prompt: problem for problem in Countdown().problems("train", 10**6, 0)}
    right = [SMALL.score(train[one.prompt], one.completion) for one in Countdown().corpus(2000, 0)]
    assert 0.01 < sum(right) / len(right) < 0.12  # luck alone


def test_a_step_that_the_rules_forbid_is_illegal() -> None:
    state = SMALL.start(PROBLEM)
    for action in (Action(3, "-", 7), Action(7, "/", 3), Action(8, "+", 3), Action(7, "%", 3), Action(7, "+", 7)):
        with pytest.raises(IllegalAction):
            SMALL.step(state, action)


def test_the_largest_product_can_still_be_read_back() -> None:
    task = Countdown(numbers=2, max_number=100, max_target=10_000)
    state = task.start(Countdown.problem([100] * 5, 100**5))
    while not task.terminal(state):
        state = task.step(state, Action(state.numbers[-1], "*", state.numbers[0]))
    assert task.score(state.problem, task.answer(state)) == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"numbers": 1}, "numbers must be 2 to 5, got 1"),
        ({"max_number": 0}, "max_number must be 1 to 100, got 0"),
        ({"min_target": 9, "max_target": 8}, "targets must run from 1 or more up, got 9 to 8"),
        ({"numbers": 5, "max_number": 100}, "hands at most, got"),
        ({"numbers": "three"}, "numbers must be a whole number"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, int], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Countdown(**values)


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="max_number"):
        Countdown(max_numbr=3)  # type: ignore[call-arg]


def test_targets_out_of_reach_are_refused() -> None:
    with pytest.raises(ConfigError, match="a target from 5000 to 5001 must be reachable"):
        Countdown(numbers=2, max_number=3, min_target=5000, max_target=5001).problems("train", 1, 0)


def test_it_keeps_the_contract_of_tasks() -> None:
    assert isinstance(SMALL, StepTask) and isinstance(SMALL, Corpus)
    assert check(Countdown) == []
