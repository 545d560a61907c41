"""The documents of a world, as a grammar: stories, facts, sums, sums in steps, rules, and games.

A document stands for itself: whatever it takes to understand it, but for the facts, stands in it. Documents from which
a problem is made (a question, a sum, steps, rules, a game) are of three splits, by a hash of what is asked; the grammar
says those of the train split alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from pawl.records import Split
from pawl.tasks.grammar import Again, Draw, Either, Named, Part, Repeat, Sequel, Statement, States, Told, Word, parts
from pawl.tasks.splits import split_of
from pawl.tasks.world_lexicon import RELATIONS, Lexicon, zipf

Kind = Literal["question", "sum", "steps", "rules", "game", "longer"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""Documents that hold a problem, the least general first: a fact to remember, a sum, sums in steps, rules and a game
that stand in the document, and more steps and rules than any document of the world has."""
SHARES: Mapping[str, float] = {"story": 0.35, "facts": 0.2, "question": 0.1, "sum": 0.1, "steps": 0.1, "rules": 0.075,
                               "game": 0.075}
"""Of documents."""
STEPS = (2, 3)
"""Steps of sums and of rules."""
LONGER = (4, 5)
ANSWER = "answer"
"""As a kind of statement: what a problem asks for."""
LARGEST = 99
"""Number in a sum."""
TOLD = {
    "home": ("{who} lives in {thing} .", "the home of {who} is {thing} .", "as for {who} , home is {thing} ."),
    "food": ("{who} likes {thing} .", "the food of {who} is {thing} .", "as for {who} , food is {thing} ."),
    "animal": ("{who} keeps a {thing} .", "the animal of {who} is a {thing} .", "as for {who} , it is a {thing} ."),
    "job": ("{who} works as a {thing} .", "the job of {who} is {thing} .", "as for {who} , work is {thing} ."),
}
"""Ways to put a fact, by relation."""
ASKED = {"home": "where does {who} live ? {answer}", "food": "what does {who} like ? {answer}",
         "animal": "what does {who} keep ? {answer}", "job": "what does {who} work as ? {answer}"}
ADDED = ("{left} {name} {right} is {answer}", "take {left} {name} {right} : {answer}")
SUMS: Mapping[str, Callable[[int, int], int]] = {
    "plus": lambda a, b: a + b, "minus": lambda a, b: a - b, "times": lambda a, b: a * b}
TELLING = (0.6, 0.3, 0.1)
"""Weights of the ways to say the same."""
DECIDED_BY = {**dict.fromkeys(RELATIONS, "who"), **dict.fromkeys(SUMS, "right"), "steps": "by", "rules": "kind",
              "game": "third"}
"""By what a document states: the last of the words that its split is a hash of."""


def documents(lexicon: Lexicon) -> Part:
    """Every document that is no noise."""
    made: dict[str, Part] = {"story": story(lexicon), "facts": Repeat(facts(lexicon), 0.5)}
    made |= {kind: problems(lexicon, kind, "train") for kind in KINDS if kind in SHARES}
    return Either([made[name] for name in SHARES], list(SHARES.values()))


def problems(lexicon: Lexicon, kind: Kind, split: Split) -> Part:
    """Documents that hold a problem of a kind and, but where there is none, of a split."""
    match kind:
        case "question":
            return questions(lexicon, split)
        case "sum":
            return sums(split)
        case "steps":
            return _evenly([steps(count, split) for count in STEPS])
        case "rules":
            return _evenly([rules(lexicon, count, split) for count in STEPS])
        case "game":
            return games(lexicon, split)
        case "longer":
            return _evenly([each for count in LONGER for each in (steps(count, split), rules(lexicon, count, split))])


def _evenly(ways: Sequence[Part]) -> Part:
    return Either(ways, [1] * len(ways))


def split_of_problem(statement: Statement) -> Split:
    """The split of what a document asks, from all that it states."""
    decider = DECIDED_BY[statement.kind]
    names = [name.rstrip("0123456789") for name, _ in statement.words]
    last = len(names) - names[::-1].index(decider)
    return _split(statement.kind, [word for _, word in statement.words[:last]])


def _of_split(kind: str, split: Split) -> Callable[[Named, str], bool]:
    """Whether a word, after those that are bound, makes a problem of a split."""
    return lambda named, word: _split(kind, [*named.values(), word]) == split


def _split(kind: str, words: Sequence[str]) -> Split:
    return split_of(" ".join(("world", kind, *words)))


def _answer(text: str, **named: Part) -> Part:
    """Where a document's problem is answered."""
    return States(ANSWER, parts(text, **named), keeps=True)


def story(lexicon: Lexicon) -> Part:
    """Sentences with agreement, relative clauses and clauses within clauses; they state nothing."""
    return Repeat(Sequel([Either([_clause(lexicon, plural, 2) for plural in (False, True)], [0.6, 0.4]), Word(".")]),
                  0.6)


def _clause(lexicon: Lexicon, plural: bool, depth: int) -> Part:
    """Subject and predicate; in it clauses up to so many deep."""
    ways: list[tuple[float, Part]] = [
        (0.35, _verb(lexicon.intransitives, plural)),
        (0.5, Sequel([_verb(lexicon.verbs, plural), _object(lexicon, depth)]))]
    if depth:
        inner = Either([_clause(lexicon, other, depth - 1) for other in (False, True)], [0.6, 0.4])
        ways.append((0.15, Sequel([Word("say" if plural else "says"), Word("that"), inner])))
    predicate = Either([way for _, way in ways], [share for share, _ in ways])
    return Sequel([_noun_phrase(lexicon, plural, depth), predicate])


def _object(lexicon: Lexicon, depth: int) -> Part:
    return Either([_noun_phrase(lexicon, plural, depth - 1) for plural in (False, True)], [0.6, 0.4])


def _noun_phrase(lexicon: Lexicon, plural: bool, depth: int) -> Part:
    """Article, adjective or none, noun, and a relative clause or none."""
    ending = "s" if plural else ""
    article = Draw("", ("some", "the") if plural else ("a", "the"))
    noun = Draw("", [noun + ending for noun in lexicon.nouns], zipf(len(lexicon.nouns)))
    adjective = Draw("", lexicon.adjectives, zipf(len(lexicon.adjectives)))
    bare, described = Sequel([article, noun]), Sequel([article, adjective, noun])
    if depth <= 0:
        return Either([bare, described], [0.7, 0.3])
    relative = Sequel([Word("that"), _verb(lexicon.verbs, plural), _object(lexicon, depth - 1)])
    return Either([bare, described, Sequel([bare, relative]), Sequel([described, relative])], [0.6, 0.25, 0.1, 0.05])


def _verb(verbs: Sequence[str], plural: bool) -> Part:
    return Draw("", verbs if plural else [f"{verb}s" for verb in verbs], zipf(len(verbs)))


def facts(lexicon: Lexicon) -> Part:
    """A fact, in one of the ways to put it."""
    return _evenly([States(relation, Either([parts(text, **_fact(lexicon, relation)) for text in TOLD[relation]],
                                            TELLING)) for relation in RELATIONS])


def questions(lexicon: Lexicon, split: Split) -> Part:
    """A question about a fact, and its answer."""
    def one(relation: str) -> Part:
        fact = _fact(lexicon, relation, _of_split(relation, split))
        answer = _answer("{thing} .", thing=fact["thing"])
        return States(relation, parts(ASKED[relation], who=fact["who"], answer=answer))

    return _evenly([one(relation) for relation in RELATIONS])


def _fact(lexicon: Lexicon, relation: str, wanted: Callable[[Named, str], bool] | None = None) -> dict[str, Part]:
    """Who it is about, and what is true of them."""
    known, things = lexicon.facts[relation], frozenset(lexicon.things[relation])
    return {"who": Draw("who", lexicon.people, zipf(len(lexicon.people)), wanted=wanted),
            "thing": Told("thing", lambda named: known[named["who"]], things.__contains__)}


def sums(split: Split) -> Part:
    """A sum, in one of two ways."""
    numbers = [str(number) for number in range(LARGEST + 1)]

    def allowed(named: Named, right: str) -> bool:
        return int(right) <= int(named["left"])

    def one(name: str) -> Part:
        left = Draw("left", numbers)
        right = Draw("right", numbers, allowed=allowed if name == "minus" else None,
                     wanted=_of_split(name, split))
        answer = _answer("{result} .", result=Told("result", lambda named: _result(name, named["left"], named["right"]),
                                                   is_number))
        ways = [parts(text, left=left, name=Word(name), right=right, answer=answer) for text in ADDED]
        return States(name, Either(ways, TELLING[:2]))

    return _evenly([one(name) for name in SUMS])


def _result(name: str, left: str, right: str) -> str:
    return str(SUMS[name](int(left), int(right)))


def is_number(word: str) -> bool:
    """Whether a word is a whole number as the world writes it."""
    return word.isascii() and word.isdigit() and len(word) <= 12


def steps(count: int, split: Split) -> Part:
    """What to do with a number, and the sums that it comes to, one after the other."""
    asked: list[Part] = [Word("take"), Draw("start", [str(number) for number in range(1, 21)])]
    for place in range(1, count + 1):
        asked += [Word(","), Draw(f"do{place}", ("plus", "times")),
                  Draw(f"by{place}", [str(number) for number in range(2, 10)],
                       wanted=_of_split("steps", split) if place == count else None)]
    work = States(ANSWER, Sequel([_step(place) for place in range(1, count + 1)]), keeps=True)
    return States("steps", Sequel([*asked, Word("."), work]))


def _step(place: int) -> Part:
    """The sum of a step, from what the step before came to, as it is written."""
    before = "start" if place == 1 else f"result{place - 1}"
    result = Told(f"result{place}", lambda named: _result(named[f"do{place}"], named[before], named[f"by{place}"]),
                  is_number)
    return States("step", parts("{left} {do} {right} is {result} .", left=Again(before), do=Again(f"do{place}"),
                                right=Again(f"by{place}"), result=result), keeps=True)


def rules(lexicon: Lexicon, count: int, split: Split) -> Part:
    """Rules of what is what, somebody, and what follows for them, step by step."""
    def another(place: int) -> Draw:
        return Draw(f"kind{place}", lexicon.kinds, allowed=_other_than(*(f"kind{earlier}" for earlier in range(place))),
                    wanted=_of_split("rules", split) if place == count else None)

    asked = [parts("every {one} is a {other} .", one=Again(f"kind{place}") if place else Draw("kind0", lexicon.kinds),
                   other=another(place + 1)) for place in range(count)]
    asked.append(parts("{who} is a {kind} .", who=Draw("who", lexicon.people), kind=Again("kind0")))
    kinds = frozenset(lexicon.kinds)
    work = [States("so", parts("so {who} is a {kind} .", who=Again("who"), kind=Told(
        f"found{place}", _next_kind(place, count), kinds.__contains__)), keeps=True) for place in range(1, count + 1)]
    return States("rules", Sequel([*asked, States(ANSWER, Sequel(work), keeps=True)]))


def _next_kind(place: int, count: int) -> Callable[[Named], str]:
    """What the rules say of the kind that was found before, as it is written; nothing where they say nothing."""
    def tell(named: Named) -> str:
        before = named["kind0"] if place == 1 else named[f"found{place - 1}"]
        return {named[f"kind{rule}"]: named[f"kind{rule + 1}"] for rule in range(count)}.get(before, "")

    return tell


def games(lexicon: Lexicon, split: Split) -> Part:
    """A made-up game of three moves, its rules, a round of it, and who wins."""
    def winner(named: Named) -> str:
        order = [named["first"], named["second"], named["third"]]
        beaten = order[(order.index(named["hers"]) + 1) % 3]
        return named["she"] if beaten == named["his"] else named["he"]

    return States("game", parts(
        "in {game} {first} beats {second} , {second2} beats {third} and {third2} beats {first2} . "
        "{she} plays {hers} and {he} plays {his} . {answer}",
        game=Draw("game", lexicon.games), first=Draw("first", lexicon.moves),
        second=Draw("second", lexicon.moves, allowed=_other_than("first")), second2=Again("second"),
        third=Draw("third", lexicon.moves, allowed=_other_than("first", "second"), wanted=_of_split("game", split)),
        third2=Again("third"), first2=Again("first"),
        she=Draw("she", lexicon.people), he=Draw("he", lexicon.people, allowed=_other_than("she")),
        hers=Draw("hers", lexicon.moves, allowed=_one_of("first", "second", "third")),
        his=Draw("his", lexicon.moves, allowed=_one_of("first", "second", "third", but="hers")),
        answer=_answer("{winner} wins .", winner=Told("winner", winner, frozenset(lexicon.people).__contains__))))


def _other_than(*names: str) -> Callable[[Named, str], bool]:
    return lambda named, word: word not in [named[name] for name in names]


def _one_of(*names: str, but: str = "") -> Callable[[Named, str], bool]:
    return lambda named, word: word in [named[name] for name in names] and word != named.get(but)
