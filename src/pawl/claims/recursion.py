"""The curse of recursion: models trained on their predecessors' text forget the tails, and then the rest.

A distribution over words that is estimated from samples of its estimate loses the rare ones for good; a Gaussian's mean
wanders and its variance dies. Both are known in closed form. Beside them a small language model, with no real text left
and with a tenth.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.consuming import Consuming, rise

WORDS, SAMPLES, GENERATIONS, CHAINS = 1000, 2000, 20, 10
"""V, M, and chains over which support is averaged."""
DRAWN, STEPS, WALKS = 100, 10, 2000
"""Samples of a Gaussian, its generations, and walks of its mean."""
Keep = Literal["replace", "tenth", "accumulate", "cold"]
COLD = 0.7
"""Temperature."""


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 2])
    support = {keep: np.mean([support_kept(random, keep) for _ in range(CHAINS)], axis=0)
               for keep in ("replace", "tenth", "accumulate", "cold")}
    found = {f"support {keep}": float(values[-1]) for keep, values in support.items()}
    found |= {"support over closed form": support["replace"][0] / closed_form_support(random),
              "wander over closed form": wander(random) / (STEPS / DRAWN), "variance left": variance_left(random)}
    return {**found, **language_models(seed)}


def zipf() -> np.ndarray:
    """[WORDS]"""
    weights = 1 / np.arange(1, WORDS + 1)
    return np.asarray(weights / weights.sum())


def support_kept(random: np.random.Generator, keep: Keep) -> np.ndarray:
    """[GENERATIONS] share of the first sample's words that each later one still has."""
    truth = zipf()
    first = counts = random.multinomial(SAMPLES, truth)
    pool, kept = counts.astype(float), []
    for _ in range(GENERATIONS):
        source = pool if keep == "accumulate" else counts.astype(float)
        chances = source**(1 / COLD) if keep == "cold" else source
        counts = random.multinomial(SAMPLES, chances / chances.sum())
        if keep == "tenth":  # a tenth of the first sample in place of a tenth of what was drawn
            real = random.multivariate_hypergeometric(first, SAMPLES // 10)
            counts = random.multivariate_hypergeometric(counts, SAMPLES - SAMPLES // 10) + real
        pool = pool + counts
        held = pool if keep == "accumulate" else counts
        kept.append(float((held[first > 0] > 0).mean()))
    return np.array(kept)


def closed_form_support(random: np.random.Generator) -> float:
    """What the first generation keeps: a word of chance p is drawn with 1 - (1 - p)^M."""
    shares = []
    for _ in range(CHAINS):
        chances = random.multinomial(SAMPLES, zipf()) / SAMPLES
        shares.append((1 - (1 - chances[chances > 0])**SAMPLES).mean())
    return float(np.mean(shares))


def wander(random: np.random.Generator) -> float:
    """Mean squared distance of a Gaussian's mean from the truth: n / M in closed form, as the variance that is
    estimated without bias is 1 on average (Shumailov et al., section 4.2)."""
    means, deviations = np.zeros(WALKS), np.ones(WALKS)
    for _ in range(STEPS):
        drawn = random.normal(means, deviations, size=(DRAWN, WALKS))
        means, deviations = drawn.mean(0), drawn.std(0, ddof=1)
    return float((means**2).mean())


def variance_left(random: np.random.Generator) -> float:
    """Median variance after a hundred generations of a hundred samples: it goes to 0 almost surely."""
    deviations = np.ones(WALKS // 4)
    for _ in range(100):
        deviations = random.normal(0, deviations, size=(DRAWN, len(deviations))).std(0, ddof=1)
    return float(np.median(deviations**2))


def language_models(seed: int) -> Numbers:
    """Ratio of perplexities on real text, last over first, without real text and with a tenth; and how text that is
    generated looks to the first model."""
    with Consuming(seed, documents=4096, temperature=0.8) as ways:
        alone, tenth = ways.readings("alone"), ways.readings("tenth", real=0.1)
    first, last = alone[0], alone[-1]
    return {"perplexity": float(np.exp(rise(alone))), "tenth over none": rise(tenth) / max(rise(alone), 1e-9),
            "support of tokens": last["support"] / first["support"], "entropy": last["entropy"] - first["entropy"],
            "to the first model": last["base_loss"] - first["base_loss"],
            "tail to the first model": max(one["base_loss_p99"] for one in alone) - first["base_loss_p99"]}


CLAIM = Claim(
    name="recursion",
    title="Models trained on their predecessors' output forget the tails first; a tenth of real data slows it down.",
    source="Shumailov et al. 2023, The Curse of Recursion (arXiv 2305.17493); Nature 631:755, 2024",
    published="OPT-125m on WikiText-2: perplexity 34 at first, 20 to 28 points more without real data, minor "
              "degradation with a tenth of it. Words rarer than one in M are lost for good; the variance of a Gaussian "
              "goes to 0, and its mean wanders by n / M.",
    protocol="1,000 words by Zipf's law, 2,000 samples a generation, twenty generations, ten chains. 2,000 Gaussians "
             "of 100 samples. A language model of 0.1M that goes on from generation to generation on 4,096 documents "
             "that it writes at temperature 0.8 (the paper searches with beams).",
    checks=(
        Check("support over closed form", "words kept in the first generation over the closed form", 0.9, 1.1, "1"),
        Check("support replace", "words of the first sample that are left after twenty generations", high=0.3),
        Check("support tenth", "with a tenth of real samples", low=0.45),
        Check("support accumulate", "accumulated", low=0.99),
        Check("support cold", "at temperature 0.7", high=0.02),
        Check("wander over closed form", "squared error of a Gaussian's mean after ten generations over n / M", 0.9,
              1.1, "1"),
        Check("variance left", "median variance of it after a hundred generations", high=0.5,
              published="0 in the limit"),
        Check("perplexity", "perplexity on real text over that at first, no real text", low=1.15,
              published="1.6 to 1.8"),
        Check("tenth over none", "rise of its logarithm with a tenth of real text over that without", high=0.6),
        Check("support of tokens", "tokens of real text that are still used, over those at first", high=1.0),
        Check("entropy", "change of the entropy of what is written, nats a token", high=0.0),
        Check("to the first model", "change of the loss of generated text under the first model, nats a token",
              high=0.0),
        Check("tail to the first model", "change of its 99th percentile, where it is largest", low=0.0),
    ),
    measure=measure,
)
