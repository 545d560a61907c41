"""Grammars that remember: exact likelihoods against everything that a small one can say, and what a text states."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.tasks.grammar import (
    Again,
    Bound,
    Draw,
    Either,
    Part,
    Repeat,
    Sequel,
    States,
    Told,
    Word,
    log_likelihood,
    parts,
    say,
    statements,
)

NEXT = {"a": "b", "b": "c", "c": "a"}


def everything(part: Part, bound: Bound, times: int) -> Iterator[tuple[tuple[str, ...], Bound, float]]:
    """All that a part says with at most so many repeats, and its probability: by the definitions, not by reading."""
    match part:
        case Word(word):
            yield (word,), bound, 1.0
        case Again(name):
            yield (dict(bound)[name],), bound, 1.0
        case Told(name, tell):
            word = tell(dict(bound))
            yield (word,), (*bound, (name, word)), 1.0
        case Draw(name, words, weights):
            named = dict(bound)
            pairs = [(word, weight) for word, weight in zip(words, weights or [1.0] * len(words), strict=True)
                     if part.allowed is None or part.allowed(named, word)]
            if part.wanted is not None and (wanted := [pair for pair in pairs if part.wanted(named, pair[0])]):
                pairs = wanted
            for word, weight in pairs:
                after = (*bound, (name, word)) if name else bound
                yield (word,), after, weight / sum(weight for _, weight in pairs)
        case Sequel(inner):
            ways: list[tuple[tuple[str, ...], Bound, float]] = [((), bound, 1.0)]
            for each in inner:
                ways = [((*words, *more), after, chance * other) for words, known, chance in ways
                        for more, after, other in everything(each, known, times)]
            yield from ways
        case Either(ways_to_say, weights):
            for each, weight in zip(ways_to_say, weights, strict=True):
                for words, after, chance in everything(each, bound, times):
                    yield words, after, chance * weight / sum(weights)
        case Repeat(inner, more):
            for words, known, chance in everything(inner, bound, times):
                yield words, known, chance * (1 - more)
                if times > 1:
                    for others, after, other in everything(Repeat(inner, more), known, times - 1):
                        yield (*words, *others), after, chance * more * other
        case States(_, inner, keeps):
            for words, after, chance in everything(inner, bound, times):
                yield words, after if keeps else bound, chance


def table(part: Part, times: int = 3) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = defaultdict(float)
    for words, _, chance in everything(part, (), times):
        found[words] += chance
    return found


letters = st.sampled_from("abc")
leaves = st.one_of(letters.map(Word), st.just(Draw("x", "abc", (3.0, 2.0, 1.0))), st.just(Draw("", "ab")),
                   st.just(Draw("y", "abc", allowed=lambda named, word: word != named.get("x"),
                                wanted=lambda named, word: word == named.get("y", "b"))),
                   st.just(Told("z", lambda named: NEXT[named.get("x", "a")], "abc".__contains__)))
grammars = st.recursive(leaves, lambda inner: st.one_of(
    st.lists(inner, min_size=1, max_size=3).map(Sequel),
    st.lists(inner, min_size=1, max_size=3).map(lambda ways: Either(ways, list(range(1, len(ways) + 1)))),
    st.builds(States, st.sampled_from("st"), inner, st.booleans())), max_leaves=8)


@given(grammars)
def test_the_likelihood_of_every_text_is_that_of_all_ways_to_say_it(grammar: Part) -> None:
    said = table(grammar)
    assert sum(said.values()) == pytest.approx(1)
    for words, chance in said.items():
        assert math.exp(log_likelihood(grammar, words)) == pytest.approx(chance)
        assert log_likelihood(grammar, (*words, "d")) == -math.inf


@given(grammars, st.lists(letters, max_size=4).map(tuple))
def test_what_is_never_said_has_no_likelihood(grammar: Part, words: tuple[str, ...]) -> None:
    assert (log_likelihood(grammar, words) == -math.inf) == (words not in table(grammar))


@given(grammars, st.integers(0, 99))
def test_what_is_said_can_be_read_and_is_true(grammar: Part, seed: int) -> None:
    words = say(grammar, random.Random(seed).random)
    assert log_likelihood(grammar, words) > -math.inf
    found = statements(grammar, words)
    assert found is not None and all(statement.true for statement in found)


def test_a_repeat_ends_sooner_or_later() -> None:
    grammar = Repeat(Either([Word("a"), parts("a a")], [1, 3]), 0.4)
    said = table(grammar, times=6)
    for length in range(1, 6):  # of at most so many words: six repeats say all of them
        words = ("a",) * length
        assert math.exp(log_likelihood(grammar, words)) == pytest.approx(said[words])


def test_texts_come_as_often_as_they_are_likely() -> None:
    grammar = Sequel([Draw("x", "abc", (3.0, 2.0, 1.0)), Either([Again("x"), Word("a")], [1, 3])])
    chance = random.Random(0).random
    counts = Counter(tuple(say(grammar, chance)) for _ in range(20_000))
    for words, count in counts.items():
        expected = math.exp(log_likelihood(grammar, words))
        assert count / 20_000 == pytest.approx(expected, abs=4 * math.sqrt(expected / 20_000))


def follows(name: str, before: str) -> Told:
    return Told(name, lambda named: NEXT[named[before]], "abc".__contains__)


def test_a_mistake_is_named_where_it_is_made() -> None:
    step = [States("step", parts("{letter} .", letter=follows(f"x{place}", f"x{place - 1}")), keeps=True)
            for place in (1, 2, 3)]
    grammar = States("all", Sequel([Draw("x0", "abc"), *step]))
    said = statements(grammar, ["a", "b", ".", "a", ".", "b", "."])  # c should follow b, then all is right
    assert said is not None
    assert [(each.kind, each.true, each.start, each.end) for each in said] == [
        ("step", True, 1, 3), ("step", False, 3, 5), ("step", True, 5, 7), ("all", False, 0, 7)]
    assert said[-1].words == (("x0", "a"), ("x1", "b"), ("x2", "a"), ("x3", "b"))
    assert log_likelihood(grammar, ["a", "b", ".", "a", ".", "b", "."]) == -math.inf
    assert statements(grammar, ["a", "b", ".", "d", ".", "b", "."]) is None, "not a letter"


def test_wordings_of_the_same_are_the_same_statement() -> None:
    grammar = Either([States("next", parts(text, one=Draw("one", "abc"), other=follows("other", "one")))
                      for text in ("after {one} comes {other}", "{one} then {other}")], [1, 1])
    first, second = (statements(grammar, text.split()) for text in ("after a comes b", "a then b"))
    assert first and second and (first[0].kind, first[0].words) == (second[0].kind, second[0].words)


def test_what_a_statement_binds_is_forgotten_unless_it_is_kept() -> None:
    kept, lost = (Sequel([States("s", Draw("x", "ab"), keeps), Draw(
        "y", "ab", allowed=lambda named, word: word != named.get("x"))]) for keeps in (True, False))
    assert log_likelihood(kept, ["a", "a"]) == -math.inf
    assert math.exp(log_likelihood(lost, ["a", "a"])) == pytest.approx(0.25)


def test_of_several_ways_to_read_a_text_the_one_with_fewest_mistakes_counts() -> None:
    wrong = States("wrong", parts("{letter}", letter=Told("x", lambda named: "c", "abc".__contains__)))
    grammar = Either([wrong, States("right", Word("a"))], [1, 1])
    said = statements(grammar, ["a"])
    assert said is not None and [each.kind for each in said] == ["right"]
