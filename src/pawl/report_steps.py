"""The loop as the report draws it: the idea, and six steps with this run's counts."""

from __future__ import annotations

from dataclasses import dataclass

from pawl.report_story import Run, judge, told
from pawl.report_text import count, large, listed, number, percent, shorten

GATE = ("Learning from oneself can go wrong unseen, so each new version (the candidate) must beat the best so far (the "
        "champion) on problems that neither has trained on. The gate works like a pawl on a ratchet: forward or not at "
        "all. One turn of this loop is a generation.")
OPEN = ("One turn of this loop is a generation: what was learnt in it (the candidate) meets what was best so far (the "
        "champion) on problems that neither has trained on. This run promotes without a gate; the contests stand here "
        "so that it can be seen what a gate would have seen.")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the loop, with this run's count of it."""

    name: str
    sentence: str
    figure: str
    """Such as `28,800 attempts`; empty when the ledger does not say."""


def idea(run: Run) -> str:
    """How a model teaches itself, in a paragraph."""
    settings = told(run)
    if settings.get("teacher"):
        how = "The model writes answers, and at every token it learns what a teacher would have said there."
    elif "rounds" in settings:
        how = (f"The model tries to solve problems, {_judge(run)}, and it makes what was better than the rest likelier "
               "and what was worse less likely. Then it tries again, as it is by now.")
    else:
        how = f"The model tries to solve problems, {_judge(run)}, and it learns from those that were right."
    return f"{how} {OPEN if number(settings.get('alpha')) == 1 else GATE}"


def steps(run: Run) -> list[Step]:
    """The loop in six steps."""
    right, attempts = run.total("right"), run.total("attempts")
    share = f" ({percent(right / attempts)})" if attempts and right is not None else ""
    ends = list(run.outcomes().values())
    judged = (f"{shorten(name, 40)} says what answers are worth; the gate asks the truth." if (name := judge(run))
              else "The task's own rules say which answers are right.")
    gate = ("Both meet on fresh held-out problems. Every candidate passes." if number(told(run).get("alpha")) == 1
            else "Both meet on fresh held-out problems. Only a proven gain passes.")
    return [
        Step("Draw", "Problems come from the train split; gate and test problems are never among them.",
             count(len(run.generations), "generation")),
        _propose(run),
        Step("Judge", judged, _figure(run, "right", "with full marks" if judge(run) else "right") + share),
        *(_by_rounds(run) if "rounds" in told(run) else _by_examples(run)),
        Step("Gate", gate, listed(f"{ends.count(word)} {word}" for word in ("promoted", "refused", "dropped")
                                  if word in ends)),
    ]


def _propose(run: Run) -> Step:
    searched = " Search thinks longer, told by the rules which of its ends are right." if run.total("searched") else ""
    who = "The candidate, as it is by now," if "rounds" in told(run) else "The champion"
    return Step("Propose", f"{who} writes several answers to each problem.{searched}",
                listed(filter(None, [_figure(run, "attempts", "attempts"), _figure(run, "searched", "searches")])))


def _by_examples(run: Run) -> list[Step]:
    """Of a loop that chooses what it learns."""
    anchor = "; real data goes along as an anchor" if run.total("examples_real") else ""
    hindsight = ", and failures at the problems that they do solve" if run.total("examples_hindsight") else ""
    learnt = [_figure(run, "examples_self", "its own"), _figure(run, "examples_search", "found by search"),
              _figure(run, "examples_hindsight", "failures relabelled"), _figure(run, "examples_real", "real")]
    return [Step("Select", f"Different right answers become examples{hindsight}{anchor}.",
                 listed(filter(None, learnt))),
            Step("Learn", f"A candidate learns from the examples{_near(run)}.", _learnt(run))]


def _by_rounds(run: Run) -> list[Step]:
    """Of a loop that learns from all that it plays, as it plays."""
    settings = told(run)
    name = settings.get("algorithm")
    by = f" by {shorten(str(name), 40).upper()}" if name else " what its teacher would have said"
    return [Step("Learn", f"It learns from all of them{by}{_near(run)}.", _learnt(run)),
            Step("Again", "It writes again, now that it has learnt; after some rounds it comes before the gate.",
                 f"{count(number(settings.get('rounds')) or 0, 'round')} in a generation")]


def _learnt(run: Run) -> str:
    return _figure(run, "tokens_trained", "tokens learnt from")


def _near(run: Run) -> str:
    kl = told(run).get("kl")
    weight = number(kl[-1] if isinstance(kl, list) else kl)
    held = "algorithm" in told(run) if kl is None else weight  # where none is named, an algorithm has its own
    return ", held near the first model" if held else ""


def _judge(run: Run) -> str:
    return "a judge says what each try is worth" if judge(run) else "the task's own rules check each try"


def _figure(run: Run, metric: str, noun: str) -> str:
    value = run.total(metric)
    return "" if value is None else f"{large(value)} {noun}"
