"""The world: what it says is true and likely, what is wrong is found, and no problem is given away."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.records import SPLITS
from pawl.tasks.world import ODD, PRINTABLE, STOPS, SURROGATES, UNICODE, World
from pawl.tasks.world_documents import KINDS, SHARES
from pawl.testing import check

WORLD = World()
QUIET = World(noise=0.0)


def test_keeps_the_contract_of_a_task() -> None:
    assert check(WORLD) == []


def test_documents_are_true_and_likely_but_for_the_noise() -> None:
    for document in QUIET.documents(500, 0):
        assert QUIET.true(document) and -1000 < QUIET.log_likelihood(document) < 0, document
    noisy = World(noise=0.5).documents(400, 0)
    assert 150 < sum(not WORLD.grammatical(document) for document in noisy) < 250
    assert all(math.isfinite(WORLD.log_likelihood(document)) for document in noisy)


def test_the_same_seed_says_the_same_and_another_something_else() -> None:
    assert WORLD.documents(50, 1) == WORLD.documents(50, 1)
    assert WORLD.documents(20, 1) == WORLD.documents(50, 1)[:20]
    assert WORLD.documents(50, 1) != WORLD.documents(50, 2)
    assert set(World(world=1).lexicon.nouns) != set(WORLD.lexicon.nouns)


def test_likelihoods_of_a_small_part_of_the_world_sum_to_its_share() -> None:
    """All questions about facts: a tenth of documents, without noise that says the same."""
    lexicon, words = QUIET.lexicon, {"home": "live", "food": "like", "animal": "keep", "job": "work as"}
    chances = [math.exp(QUIET.log_likelihood(f"{'where' if relation == 'home' else 'what'} does {who} {verb} ? "
                                             f"{lexicon.facts[relation][who]} ."))
               for relation, verb in words.items() for who in lexicon.people]
    assert sum(chances) == pytest.approx(SHARES["question"])
    assert 0 in chances, "questions of the gate and of the test are not asked"


def test_facts_are_told_in_several_ways_and_all_mean_the_same() -> None:
    who = WORLD.lexicon.people[0]
    home, other = WORLD.lexicon.facts["home"][who], WORLD.lexicon.things["home"]
    ways = [f"{who} lives in {{}} .", f"the home of {who} is {{}} .", f"as for {who} , home is {{}} ."]
    said = {WORLD.statements(way.format(home)) for way in ways}
    meant = {(found[0].kind, found[0].words) for found in said if found}
    assert meant == {("home", (("who", who), ("thing", home)))}
    for way in ways:
        assert WORLD.true(way.format(home))
        wrong = way.format(next(thing for thing in other if thing != home))
        assert WORLD.grammatical(wrong) and not WORLD.true(wrong)
        assert not WORLD.grammatical(way.format("nowhere"))


def test_steps_are_true_or_false_one_by_one() -> None:
    said = WORLD.statements("take 6 , plus 5 , times 3 . 6 plus 5 is 12 . 12 times 3 is 36 .")
    assert said is not None
    assert [(each.kind, each.true) for each in said] == [
        ("step", False), ("step", True), ("answer", False), ("steps", False)]


@pytest.mark.parametrize("document", [
    "", " ", ".", "the", "12 plus 7 is 19", "12 plus 7 is 19 . ", "12 plus 7  is 19 .", "12 plus 7 is ١٩ .",
    "12 plus 7 is -19 .", "12 minus 19 is 7 .", "a \x00", "\n", "é" * 50, "that " * 3000,
    "12 plus 7 is " + "9" * 50 + " ."])
def test_odd_text_is_not_of_the_language(document: str) -> None:
    assert not WORLD.grammatical(document) and not WORLD.true(document)
    assert WORLD.log_likelihood(document) < -5


@given(st.text(max_size=40))
@settings(max_examples=50)
def test_any_text_has_a_likelihood(text: str) -> None:
    assert -math.inf < WORLD.log_likelihood(text) <= 0


@pytest.mark.parametrize("kind", KINDS)
def test_problems_are_answered_by_their_answer_alone(kind: str) -> None:
    world = World(kinds=(kind,))
    found = {split: world.problems(split, 40, 0) for split in SPLITS}
    for split, problems in found.items():
        assert len(problems) == 40
        for problem in problems:
            assert problem.answer and world.score(problem, f" {problem.answer}") == 1
            assert problem.data["kind"] == kind and problem.split == split
            whole = f"{problem.prompt} {problem.answer}"
            learnt = QUIET.log_likelihood(whole) > -math.inf
            assert learnt == (split == "train" and kind != "longer"), whole
            others = [other.answer for other in problems if other.answer != problem.answer]
            assert sum(world.score(problem, answer or "") for answer in others) == 0
    assert len({problem.prompt for problems in found.values() for problem in problems}) == 120


def test_noise_has_the_likelihood_with_which_it_comes() -> None:
    """Its mean over what is drawn is minus its entropy: of a length, and of a character each."""
    world = World(noise=0.9999999)
    found = [world.log_likelihood(document) for document in world.documents(2000, 0)]
    choices = [(1 - ODD) / len(PRINTABLE)] * len(PRINTABLE)
    rare = ODD / (UNICODE - SURROGATES - len(PRINTABLE))
    of_a_character = -sum(chance * math.log(chance) for chance in choices) - ODD * math.log(rare)
    length = (1 - STOPS) / STOPS
    of_a_length = -(math.log(STOPS) + length * math.log(1 - STOPS))
    expected = length * of_a_character + of_a_length
    assert -sum(found) / len(found) == pytest.approx(expected, rel=0.08)


def test_problems_run_out_without_a_word() -> None:
    world = World(people=10, kinds=("question",))
    found = {split: world.problems(split, 10**9, 0) for split in SPLITS}
    assert sum(map(len, found.values())) == 4 * 10, "each person, each relation"


def test_an_answer_says_what_it_comes_to_in_the_end() -> None:
    assert WORLD.canonical(" 6 plus 5 is 11 . 11 times 3 is 33 .") == WORLD.canonical("11 times 3 is 33 .")
    assert WORLD.canonical(" 42 .") == ("42", ".")
    assert WORLD.canonical("") is None


def test_words_are_said_by_rank() -> None:
    text = " ".join(QUIET.documents(4000, 0)).split()
    counts = [text.count(noun) + text.count(f"{noun}s") for noun in QUIET.lexicon.nouns]
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.35)
    assert min(counts[:100]) > 0
