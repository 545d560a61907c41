"""What a run of stages says: each stage in a sentence, and the tables that the run ends with.

The report shows them as tables, the terminal as columns. Rows are read from the run's result by the names of its keys;
a table whose key is missing is left out. Importing this module imports no matplotlib, a figure does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pawl.report_steps import Step
from pawl.report_story import Headline, Run
from pawl.report_text import MISSING, count, duration, interval, moved, number, pair, percent, setting

if TYPE_CHECKING:
    from pawl.report_figures import Figure

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of text under column heads, with what they mean."""

    title: str
    sentence: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Readings:
    """Where a result has two readings of each policy, and what they are."""

    key: str
    of: str
    """What they are over."""
    share: str
    score: str
    said: str
    caption: str
    looks: tuple[tuple[str, str, str, str], ...]
    """Of each line its key, name, colour and mark."""


READINGS = (
    Readings("curves", "steps", "won", "score", "Games won",
             "Games won against the policy before, and the reward model's score, over steps of policy gradient. Bars "
             "are 95% intervals over openings.",
             (("liked", "improved by the reward model", "one", "o"), ("won", "improved by who won", "six", "s"))),
    Readings("legs", "generation", "gold", "proxy", "Gold",
             "Gold, which nothing learns from, and the log-odds that the reward model of the moment gives, on the same "
             "held-out problems in every generation. Bars are 95% intervals over problems.",
             (("free", "unpatched", "refused", "v"), ("patched", "patched at each turn", "one", "o"))),
    Readings("advice", "generation", "gold", "proxy", "Gold",
             "Gold, which nothing learns from, and the log-odds of what the policy is rewarded with, on the same "
             "held-out problems in every generation after the revisions. Bars are 95% intervals over problems.",
             (("preferences", "rewarded by a model of the critic's preferences", "one", "o"),
              ("direct", "rewarded by the critic itself", "six", "s"))),
)


def has_stages(run: Run) -> bool:
    """Whether the run's generations are stages: they were neither gated nor dropped."""
    return any(one.decision is None and one.dropped is None for one in run.generations)


def headline(run: Run) -> Headline:
    """What the tables come to, in a sentence; the recipe's own where it has one."""
    seed = f"Seed {setting(run.header.get('seed'))}."
    if not run.final:
        return Headline("unfinished", f"This run is unfinished: {count(len(run.generations), 'stage')} recorded, and "
                        "nothing has been measured at its end.", (seed,))
    return Headline("gain", str(run.final.get("sentence", "")), (f"{seed} Brackets hold 95% intervals.",))


def stages(run: Run) -> list[Step]:
    """Each stage, the base first: its name, what it said, how long it took."""
    foreseen = number(run.base.get("accuracy"))
    said = "" if foreseen is None else f"{percent(foreseen)} of a teacher's moves foreseen."
    return [Step("Policy", said, duration(sum(run.base_seconds.values()))),
            *(Step(one.notes[0].capitalize(), _sentence(one.notes[1]), duration(sum(one.seconds.values())))
              for one in run.generations)]


def figure(run: Run) -> Figure | None:
    """Both readings of policies that were improved by a proxy and, beside it, by the truth or by a patched proxy."""
    final = run.final or {}
    kind = next((kind for kind in READINGS if kind.key in final), None)
    if kind is None:
        return None
    from pawl import report_plots as plots
    from pawl.report_figures import both_sizes, legend_of

    shares, scores = (
        [plots.Series(name, [one[kind.of] for one in final[kind.key][key]],
                      [one[value] for one in final[kind.key][key]], [pair(one[bounds]) for one in final[kind.key][key]],
                      colour, marker) for key, name, colour, marker in kind.looks if key in final[kind.key]]
        for value, bounds in ((kind.share, "ci"), (kind.score, f"{kind.score}_ci")))
    words = " ".join(f"{line.name}: {', '.join(map(percent, line.values))}." for line in shares)
    return both_sizes("readings", "What the proxy says, and what is true", kind.caption, f"{kind.said}. {words}",
                      legend_of(shares), lambda name, size: plots.two_readings(
                          name, shares, scores, size, share=kind.said.lower(), of=kind.of))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def sections(result: Result) -> list[Section]:
    """Every table that the result has."""
    return [make(result[key]) for key, make in _SECTIONS.items() if key in result]


def _imitation(rows: Sequence[Result]) -> Section:
    return Section(
        "Whose moves are foreseen", "Share of the teacher's moves that a network finds likeliest, in games that it did "
        "not learn from. Operations are those of one position.", ("network", "foreseen", "positions", "operations"),
        tuple((row["network"], percent(row["accuracy"]), f"{row['held_out']:,.0f}", f"{row['flops']:,.0f}")
              for row in rows))


def _matches(rows: Sequence[Result]) -> Section:
    return Section(
        "What policy gradient won", "Test openings, each from both sides; a draw is half a point. Moves are drawn, as "
        "when it learnt, or the likeliest.", ("player", "against", "moves", "score", "95%", "games"),
        tuple((row["player"], row["opponent"], row["moves"], percent(row["score"]), interval(pair(row["ci"])),
               f"{row['games']}") for row in rows))


def _values(rows: Sequence[Result]) -> Section:
    return Section(
        "Two values, as many positions each", "Mean squared error of results in [-1, 1], on what was learnt and on "
        "games that were not; the last column is one position of each of these games. Who is shown all positions of a "
        "game remembers how it ended.", ("learnt from", "positions", "learnt", "other games", "ratio", "one a game"),
        tuple((row["learnt from"], f"{row['positions']:,.0f}", f"{row['train_error']:.3f}", f"{row['test_error']:.3f}",
               f"{row['error_ratio']:.2f}", f"{row['common_error']:.3f}") for row in rows))


def _elo(rows: Sequence[Result]) -> Section:
    ordered = sorted(rows, key=lambda row: -row["elo"])
    return Section(
        "What each part is worth", "Elo from matches of all with all; intervals are those of the difference to the "
        "policy, which plays its likeliest move and whose Elo is 0. Rollouts and value are those of a search; policy, "
        "behind them, its prior, without which all moves are alike.",
        ("player", "Elo", "95%"),
        tuple((row["player"], f"{row['elo']:,.0f}", f"[{row['ci'][0]:,.0f}, {row['ci'][1]:,.0f}]") for row in ordered))


def _priors(rows: Sequence[Result]) -> Section:
    return Section(
        "What a prior is worth", "Search by the value, with the policy's prior, against more simulations: eight times "
        "as many without a prior, or as many as the same operations buy with the cheap policy's. PUCT takes a move "
        "that was not tried to be worth as little as the worst, which harms who has no prior; fair is what was found "
        "till then.",
        ("simulations", "against", "its simulations", "score", "95%", "games"),
        tuple((str(row["simulations"]), row["opponent"], str(row["other_simulations"]), percent(row["score"]),
               interval(pair(row["ci"])), f"{row['games']}") for row in rows))


def _labeller(row: Result) -> Section:
    low, high = row["agreement_low"], row["agreement_high"]
    return Section(
        "Who says what is liked", "Labellers compare two positions. The exact solver says which is right where one of "
        "the two is worth more, in late positions; the reward model is asked about answers that it did not learn from.",
        ("answers", "labellers agree with truth", "95%", "questions", "reward model with them"),
        ((f"{row['comparisons']:,.0f}", percent(row["agreement"]), interval((low, high)), f"{row['decided']:.0f}",
          percent(row["foreseen"])),))


def _curves(curves: Mapping[str, Sequence[Result]]) -> Section:
    pairs = zip(curves["liked"], curves["won"], strict=True)
    return Section(
        "How far the proxy carries", "One policy improved by the reward model's score, the other by who won; both play "
        "the policy that they were at first, and all moves are drawn. Scores are of whole games, or of a move where "
        "each is paid alone.",
        ("steps", "by what is liked: won", "score", "by what won: won", "score"),
        tuple((str(liked["steps"]), *(text for one in (liked, won) for text in (
            f"{percent(one['won'])} {interval(pair(one['ci']))}", f"{one['score']:.2f}"))) for liked, won in pairs))


def _ways(rows: Sequence[Result]) -> Section:
    def change(row: Result, name: str) -> str:
        return f"{percent(row[name])} ({moved(-row[f'{name}_fall'])})" if name in row else MISSING

    return Section(
        "What each way came to", "Alone, a model learns what the one before it wrote; anchored, it is held by real "
        "text and by its distance to the first model; fresh, it learns new real text at the same rate for as many "
        "steps. In brackets the change since the first model; variety, support and recall relative to it.",
        ("way", "generations", "loss on real text", "variety (distinct-4)", "support", "recall"),
        tuple((row["arm"], str(row["generations"]), f"{row['real_loss']:.3f} ({row['rise']:+.3f})",
               *(change(row, name) for name in ("distinct_4", "support", "recall"))) for row in rows))


def _golds(rows: Sequence[Result]) -> Section:
    return Section(
        "What it is really worth", "Gold on problems that nobody looked at before, and the difference to the best of "
        "the unpatched policies on the same problems.", ("policy", "gold", "95%", "more than unpatched", "95%"),
        _gold_rows(rows))


def _principles(rows: Sequence[str]) -> Section:
    return Section("What is asked of an answer", "The critic judges by one of these principles at a time.",
                   ("principle",), tuple((row,) for row in rows))


def _revisions(rows: Sequence[Result]) -> Section:
    return Section(
        "What revisions brought", "Answers before and after each round of critique and revision: how well they keep to "
        "the principles as the critic says, of some, gold of all, and their length in tokens.",
        ("round", "critic", "gold", "length", "failed"),
        tuple((str(row["revision"]), *(MISSING if row[name] is None else f"{row[name]:.3f}"
                                       for name in ("kept", "gold")), f"{row['length']:.0f}", f"{row['failed']:.0f}")
              for row in rows))


def _advised(rows: Sequence[Result]) -> Section:
    return Section(
        "What it is really worth", "Gold on problems that nobody looked at before, and the difference to the base on "
        "the same problems.", ("policy", "gold", "95%", "more than the base", "95%"), _gold_rows(rows))


def _gold_rows(rows: Sequence[Result]) -> tuple[tuple[str, ...], ...]:
    return tuple((row["policy"], f"{row['pass@1']:.3f}", _bounds(row["ci"]), f"{row['gain']:+.3f}",
                  _bounds(row["gain_ci"])) for row in rows)


def _bounds(bounds: Sequence[float]) -> str:
    return f"[{bounds[0]:.3f}, {bounds[1]:.3f}]"


_SECTIONS: dict[str, Callable[[Any], Section]] = {
    "elo": _elo, "matches": _matches, "values": _values, "priors": _priors, "imitation": _imitation, "curves": _curves,
    "labeller": _labeller, "arms": _ways, "golds": _golds, "principles": _principles,
    "revisions": _revisions, "advised": _advised,
}
"""By the key of the result, in the order in which they are shown."""
