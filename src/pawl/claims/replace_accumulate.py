"""Replacing data with generated data collapses; accumulating it beside the real data does not.

In closed form for linear regression: a model is fitted to labels that the model before gave, with noise. And on a small
language model, whose text takes the place of the real text or stands beside it.
"""

from __future__ import annotations

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.consuming import Consuming, rise

WIDTH, EXAMPLES, ROUNDS, TRIALS = 10, 111, 10, 300
"""d, T, n of the closed form, and how many fits of each are averaged."""


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 3])
    errors = {keep: np.mean([regression_errors(random, keep) for _ in range(TRIALS)], axis=0)
              for keep in ("replace", "accumulate")}
    closed = ROUNDS * WIDTH / (EXAMPLES - WIDTH - 1)
    found = {"replace over closed form": errors["replace"][-1] / closed,
             "accumulate over first": errors["accumulate"][-1] / errors["accumulate"][0]}
    return {**found, **language_models(seed)}


def regression_errors(random: np.random.Generator, keep: str) -> np.ndarray:
    """[ROUNDS] squared error of the weights, round by round, noise of size 1; the truth is 0."""
    weights: np.ndarray = np.zeros(WIDTH)
    seen, labels, errors = np.empty((0, WIDTH)), np.empty(0), []
    for _ in range(ROUNDS):
        new = random.normal(size=(EXAMPLES, WIDTH))
        told = new @ weights + random.normal(size=EXAMPLES)
        seen, labels = (new, told) if keep == "replace" else (np.vstack([seen, new]), np.append(labels, told))
        weights = np.linalg.lstsq(seen, labels, rcond=None)[0]
        errors.append(float(weights @ weights))
    return np.array(errors)


def language_models(seed: int) -> Numbers:
    """Rise of the loss on real text after some generations from scratch, in nats a token."""
    with Consuming(seed, start="scratch", epochs=(4, 1), generations=3) as ways:
        replaced = ways.readings("replace")
        rises = {"replace": rise(replaced), "accumulate": rise(ways.readings("accumulate", keeps="accumulate")),
                 "subsample": rise(ways.readings("subsample", keeps="subsample"))}
        cold = rise(ways.readings("cold", temperature=0.3))
    steps = np.diff([one["real_loss"] for one in replaced])
    return rises | {"subsample over replace": rises["subsample"] / max(1e-9, rises["replace"]),
                    "first step over the others": float(steps[0] / max(1e-9, steps[1:].mean())),
                    "cold over warm": cold / max(1e-9, rises["replace"])}


CLAIM = Claim(
    name="replace-accumulate",
    title="Generated data in place of real data collapses a model; beside the real data it does not.",
    source="Gerstgrasser et al. 2024, Is Model Collapse Inevitable? (arXiv 2404.01413); Kazdan et al. 2024, Collapse "
           "or Thrive (arXiv 2410.16713)",
    published="GPT-2 of 9M on TinyStories from scratch, test loss in round 1 and 4: 1.82 and 2.39 replaced, 1.74 "
              "accumulated; at temperature 0.3 5.82 and 1.75. Linear regression: n s^2 d / (T - d - 1) replaced, at "
              "most pi^2 / 6 of the first error accumulated.",
    protocol="Regression with d = 10, T = 111, ten rounds, 300 fits. A language model of 0.1M from scratch on 2,048 "
             "documents of the world, three generations.",
    checks=(
        Check("replace over closed form", "error of regression after ten rounds over its closed form", 0.9, 1.1, "1"),
        Check("accumulate over first", "accumulated, over the error of the first round", high=1.645 * 1.1,
              published="at most 1.645"),
        Check("replace", "rise of the loss on real text, replaced", low=0.2, published="+0.57 in round 4"),
        Check("first step over the others", "first rise over the mean of later ones", low=1.0,
              published="+0.26, then +0.13, +0.10, +0.09"),
        Check("accumulate", "accumulated", high=0.05, published="-0.08"),
        Check("subsample over replace", "rise with a sample of all, no more of it than at first, over that replaced",
              high=0.6, published="in between"),
        Check("cold over warm", "rise replaced at temperature 0.3 over that at 1", low=3.0, published="7"),
    ),
    measure=measure,
)
