"""A verifier that learnt where attempts go wrong chooses better among many than one that learnt how they ended.

A solver works out chains of sums modulo ten, a step at a time, and misremembers some of its tables. Errors may cancel,
so that a wrong way may end at the right answer: how it ended then says that all was well. Verifiers are the same
network on the same attempts and differ by their labels alone: of every step up to the first mistake, of how the
attempt ended, or of how it ended when the solver went on from each step again (Wang et al. 2024, Math-Shepherd).

Not covered: verifiers that are language models (`pawl.judges.prm`, `pawl.judges.orm`), and which attempts to label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from pawl.claims.claim import Check, Claim, Numbers
from pawl.judges.prm import AGGREGATES
from pawl.meters.best_of_n import best_of_n
from pawl.search.best_of_n import elect, weigh

DIGITS, STEPS = 10, 6
"""Modulus, and steps of a chain; each adds, takes away or multiplies."""
MISREMEMBERED, FALSELY, SLIPS = 0.2, 0.8, 0.03
"""Share of table entries that the solver misremembers, how often it then says what it believes, and how often it errs
elsewhere; always by one."""
LABELLED, COMPLETIONS = 3000, 4
"""Attempts that each verifier learns from, and how often the solver goes on from each step of them."""
HIDDEN, UPDATES, BATCH, RATE = 64, 800, 128, 3e-3
ASKED, POOL = 150, 1024
"""Problems that no verifier has seen, and attempts at each."""
COUNTS, AT = (1, 4, 16, 64, 256, 1024), 4
"""n, and the place of the one at which verifiers are compared."""
Supervision = Literal["outcome", "process", "completions"]
SCORES: dict[Supervision, str] = {"outcome": "last", "process": "product", "completions": "min"}
"""What an attempt's score is of what a verifier says of its steps, as each was published."""


@dataclass(frozen=True, slots=True)
class Chains:
    """N problems, worked out from left to right."""

    first: np.ndarray
    """[N] the digit to begin with."""
    operators: np.ndarray
    """[N, STEPS] 0 adds, 1 takes away, 2 multiplies."""
    operands: np.ndarray
    """[N, STEPS]"""

    @classmethod
    def drawn(cls, random: np.random.Generator, count: int) -> Chains:
        return cls(random.integers(DIGITS, size=count), random.integers(3, size=(count, STEPS)),
                   random.integers(DIGITS, size=(count, STEPS)))

    def repeated(self, times: int) -> Chains:
        """Each so many times in a row."""
        return Chains(*(part.repeat(times, axis=0) for part in (self.first, self.operators, self.operands)))


def table() -> np.ndarray:
    """[3, DIGITS, DIGITS] what each operator makes of two digits."""
    left, right = np.indices((DIGITS, DIGITS))
    return np.mod(np.stack([left + right, left - right, left * right]), DIGITS)


def beside(digits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One more or one less than each digit."""
    moved: np.ndarray = (digits + random.choice((-1, 1), size=digits.shape)) % DIGITS
    return moved


class Solver:
    """Somebody who works chains out and misremembers some of their tables, of a seed."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random, self.truth = random, table()
        self.misremembered = random.random(self.truth.shape) < MISREMEMBERED
        self.believed = beside(self.truth, random)

    def attempts(self, chains: Chains, begun: np.ndarray | None = None) -> np.ndarray:
        """[N, STEPS] what each step comes to, after those [N, S] that were begun with."""
        results = np.zeros_like(chains.operands)
        done = 0 if begun is None else begun.shape[1]
        if begun is not None:
            results[:, :done] = begun
        for step in range(done, STEPS):
            before = results[:, step - 1] if step else chains.first
            results[:, step] = self._said(chains.operators[:, step], before, chains.operands[:, step])
        return results

    def _said(self, *entry: np.ndarray) -> np.ndarray:
        """[N] what is said of entries of the table."""
        truth, misremembered = self.truth[entry], self.misremembered[entry]
        errs = self.random.random(len(truth)) < np.where(misremembered, FALSELY, SLIPS)
        other = np.where(misremembered, self.believed[entry], beside(truth, self.random))
        return np.where(errs, other, truth)


def right_steps(chains: Chains, results: np.ndarray) -> np.ndarray:
    """[N, STEPS] whether each step follows from the one before."""
    return np.asarray(table()[chains.operators, _before(chains, results), chains.operands] == results)


def right_answers(chains: Chains, results: np.ndarray) -> np.ndarray:
    """[N] whether the last step has the answer, however it came to it."""
    value, known = chains.first, table()
    for step in range(STEPS):
        value = known[chains.operators[:, step], value, chains.operands[:, step]]
    return np.asarray(results[:, -1] == value)


def _before(chains: Chains, results: np.ndarray) -> np.ndarray:
    """[N, STEPS] the digit that each step goes on from."""
    return np.concatenate((chains.first[:, None], results[:, :-1]), axis=1)


class Verifier(nn.Module):
    """Reads an attempt step by step and says after each what it makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Sequential(nn.Linear(3 + 3 * DIGITS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU())
        self.reader, self.value = nn.GRU(HIDDEN, HIDDEN, batch_first=True), nn.Linear(HIDDEN, 1)

    def forward(self, seen: Tensor) -> Tensor:
        """[N, STEPS] log-odds from what is seen [N, STEPS, 3 + 3 * DIGITS]."""
        values: Tensor = self.value(self.reader(self.step(seen))[0])
        return values[..., 0]


def seen_of(chains: Chains, results: np.ndarray) -> Tensor:
    """[N, STEPS, 3 + 3 * DIGITS] operator, both digits and result of each step, one-hot."""
    parts = (3, chains.operators), (DIGITS, _before(chains, results)), (DIGITS, chains.operands), (DIGITS, results)
    return torch.from_numpy(np.concatenate([np.eye(size, dtype=np.float32)[part] for size, part in parts], axis=2))


def labels(solver: Solver, chains: Chains, results: np.ndarray, kind: Supervision) -> tuple[np.ndarray, np.ndarray]:
    """[N, STEPS] what a verifier should say after each step, and whether it is told: of a process whether all was right
    so far, up to the first mistake (Lightman et al. 2023); of an outcome after every step whether the answer came out
    right (Cobbe et al. 2021)."""
    told, right = np.ones(results.shape, np.bool_), right_answers(chains, results)
    match kind:
        case "outcome":
            return right[:, None].repeat(STEPS, axis=1), told
        case "process":
            so_far = right_steps(chains, results).cumprod(axis=1).astype(np.bool_)
            told[:, 1:] = so_far[:, :-1]
            return so_far, told
        case "completions":
            return shares_right(solver, chains, results, COMPLETIONS), told


def shares_right(solver: Solver, chains: Chains, results: np.ndarray, count: int) -> np.ndarray:
    """[N, STEPS] share of right ones among `count` attempts that go on from each step; of the last step, whether the
    attempt is right."""
    again = chains.repeated(count)
    shares = [right_answers(again, solver.attempts(again, results[:, :step].repeat(count, axis=0)))
              .reshape(-1, count).mean(axis=1) for step in range(1, STEPS)]
    return np.stack([*shares, right_answers(chains, results)], axis=1)


def verifier(seen: Tensor, targets: np.ndarray, told: np.ndarray, *, seed: int) -> Verifier:
    """One that learnt labels [N, STEPS] where it is told them."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Verifier()
    random, optimiser = np.random.default_rng([seed, 32]), torch.optim.AdamW(net.parameters(), lr=RATE)
    wanted, weights = (torch.from_numpy(part.astype(np.float32)) for part in (targets, told))
    for _ in range(UPDATES):
        rows = torch.from_numpy(random.integers(len(seen), size=BATCH))
        errors = nn.functional.binary_cross_entropy_with_logits(net(seen[rows]), wanted[rows], weights[rows],
                                                                reduction="sum")
        optimiser.zero_grad()
        (errors / weights[rows].sum()).backward()
        optimiser.step()
    return net


@torch.no_grad()
def values(net: Verifier, seen: Tensor) -> np.ndarray:
    """[N, STEPS] chances."""
    return np.concatenate([net(part).sigmoid().numpy() for part in seen.split(20_000)]).astype(np.float64)


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 31])
    solver, shown = Solver(random), Chains.drawn(random, LABELLED)
    results = solver.attempts(shown)
    asked = Chains.drawn(random, ASKED).repeated(POOL)
    pool = solver.attempts(asked)
    right, steps = right_answers(asked, pool), right_steps(asked, pool)
    found = {"voted": voted(pool[:, -1], right), **rollout_labels(solver, shown, results)}
    for kind, aggregate in SCORES.items():
        net = verifier(seen_of(shown, results), *labels(solver, shown, results, kind), seed=seed)
        said = values(net, seen_of(asked, pool))
        scores = np.apply_along_axis(AGGREGATES[aggregate], 1, said)
        chosen, clean = (best_of_n(in_pools(scores), in_pools(what), COUNTS).mean(axis=0)
                         for what in (right, right & steps.all(axis=1)))
        found |= {f"{kind} {n}": rate for n, rate in zip(COUNTS, chosen, strict=True)}
        found |= {f"{kind} wrong working": 1 - clean[AT] / chosen[AT], "wrong working": 1 - clean[0] / chosen[0]}
        wrong = ~steps.all(axis=1)
        place = first_below(said) if kind == "process" else largest_fall(said)
        found[f"{kind} finds"] = float((place == (~steps).argmax(axis=1))[wrong].mean())
    gaps = np.array([found[f"process {n}"] - found[f"outcome {n}"] for n in COUNTS])
    return {**found, "gap 4": gaps[1], "gap": gaps[AT], "gap grows": gaps[AT] - gaps[1],
            "over vote": found[f"process {COUNTS[AT]}"] - found["voted"],
            "cleaner": found["outcome wrong working"] - found["process wrong working"],
            "finds more": found["process finds"] - found["outcome finds"],
            "without people": found[f"completions {COUNTS[AT]}"] - found[f"outcome {COUNTS[AT]}"],
            "labels rise": found[f"labels {4 * COMPLETIONS}"] - found["labels 1"],
            "outcome last": found[f"outcome {COUNTS[-1]}"] / max(found[f"outcome {n}"] for n in COUNTS),
            "process last": found[f"process {COUNTS[-1]}"] / max(found[f"process {n}"] for n in COUNTS)}


def in_pools(attempts: np.ndarray) -> np.ndarray:
    """[ASKED, POOL] of what is known of every attempt [ASKED * POOL]."""
    return attempts.astype(np.float64).reshape(-1, POOL)


def voted(answers: np.ndarray, right: np.ndarray) -> float:
    """How often the answer of most attempts at a problem is right."""
    pools = zip(answers.reshape(-1, POOL).tolist(), right.reshape(-1, POOL), strict=True)
    winners = (known[elect(row, weigh(row, np.ones(POOL, np.float32), "majority"))] for row, known in pools)
    return float(np.mean(list(winners)))


def rollout_labels(solver: Solver, chains: Chains, results: np.ndarray) -> Numbers:
    """How often a step is right so far where any of so many completions from it comes out right, and wrong where none
    does, over all steps but the last."""
    so_far = right_steps(chains, results).cumprod(axis=1).astype(np.bool_)[:, :-1]
    return {f"labels {count}": float(((shares_right(solver, chains, results, count)[:, :-1] > 0) == so_far).mean())
            for count in (1, COMPLETIONS, 4 * COMPLETIONS)}


def first_below(said: np.ndarray) -> np.ndarray:
    """[N] the first step of which a chance [N, STEPS] is below a half; -1 where none is."""
    low = said < 0.5
    return np.where(low.any(axis=1), low.argmax(axis=1), -1)


def largest_fall(said: np.ndarray) -> np.ndarray:
    """[N] the step at which a chance [N, STEPS] falls most; of all first steps the average is what it falls from."""
    before = np.concatenate((np.full((len(said), 1), said[:, 0].mean()), said[:, :-1]), axis=1)
    return np.asarray((said - before).argmin(axis=1))


CLAIM = Claim(
    name="process-supervision",
    title="A verifier that learnt from labels of steps chooses better than one that learnt from answers, the more so "
          "the more it chooses from.",
    source="Lightman et al. 2023, Let's Verify Step by Step (arXiv 2305.20050); Uesato et al. 2022, Solving Math Word "
           "Problems with Process- and Outcome-Based Feedback (arXiv 2211.14275); Wang et al. 2024, Math-Shepherd "
           "(arXiv 2312.08935)",
    published="Best of 1,860 on MATH: 78.2% by a verifier of steps, 72.4% by one of answers, 69.6% by vote; the gap "
              "grows with n. With process supervision fewer right answers have wrong working. Labels by whether any of "
              "4 completions comes out right are right of about 86% of steps.",
    protocol="Chains of six sums modulo 10, by a solver that misremembers a fifth of its tables and errs by one; "
             "3,000 attempts, on which the same recurrent network learns labels of steps, of answers, or of 4 "
             "completions. Scores are the product over steps, the last value, and the least. The best of up to 1,024 "
             "attempts at each of 150 other problems; compared at 256.",
    checks=(
        Check("gap", "accuracy of the best of 256 by a verifier of steps, above that by one of answers", low=0.12,
              published="+0.058 at 1,860"),
        Check("gap grows", "that gap less the one at n = 4", low=0.12, published="grows with n"),
        Check("over vote", "accuracy of the best of 256 by a verifier of steps, above a vote of 1,024", low=0.19,
              published="+0.086 at 1,860"),
        Check("outcome last", "accuracy of the best of 1,024 by a verifier of answers over its largest at any n",
              high=0.84),
        Check("process last", "that ratio by a verifier of steps", low=0.79),
        Check("wrong working", "share of right answers with a wrong step", low=0.15),
        Check("outcome wrong working", "that share of the best of 256 by a verifier of answers", low=0.14),
        Check("process wrong working", "by a verifier of steps", high=0.14),
        Check("process finds", "wrong attempts whose first wrong step a verifier of steps finds", low=0.8),
        Check("finds more", "that share above the one of a verifier of answers", low=0.09),
        Check("without people", "accuracy of the best of 256 by a verifier of completions, above one of answers",
              low=0.14),
        Check("labels 4", "steps on which 4 completions are right about all so far", low=0.65, published="about 0.86"),
        Check("labels rise", "share on which 16 are right above that of one", low=0.06),
    ),
    measure=measure,
    remark="The gap is nothing at n = 4 and opens from 16 on. A verifier of steps turns, too, but later and less. One "
           "of completions, which is told of steps behind a mistake as well, chooses as well or better. Four "
           "completions are right less often than was published: a solver that is right in two of five attempts often "
           "fails from right steps.",
)
