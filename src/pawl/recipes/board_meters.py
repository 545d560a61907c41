"""What a generation of self-play says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.measure import Metrics
from pawl.selection.window import surprises
from pawl.self_play import PlayedGame


def played_metrics(games: Sequence[PlayedGame], simulations: int) -> Metrics:
    """How long games were, who won, how much search changed the policy's mind, what the value was worth, and how often
    who gave up would not have lost."""
    moves = np.array([len(game.moves) for game in games])
    results = np.array([game.result for game in games if game.result is not None])
    shares = _shares(results)
    policies = np.concatenate([np.array(game.policies).reshape(len(game.moves), -1) for game in games if game.moves])
    priors = np.concatenate([np.array(game.priors).reshape(len(game.moves), -1) for game in games if game.moves])
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.where(priors > 0, priors * np.log(priors), 0).sum(axis=1).mean()
    known = [game for game in games if game.would_resign is not None and game.result is not None]
    metrics = {
        "games": float(len(games)), "positions": float(moves.sum()), "simulations": float(moves.sum() * simulations),
        "game_length": float(moves.mean()), "first_wins": float(shares[2]), "draws": float(shares[1]),
        "truth_bits_self": result_bits(results),
        "search_kl": float(surprises(policies, priors).mean()), "prior_entropy": float(entropy),
        "resigned": float(np.mean([game.resigned is not None for game in games])),
    }
    if known:
        metrics["false_resignations"] = float(np.mean([_loser(game) != game.would_resign for game in known]))
    return metrics


def result_bits(results: NDArray[Any]) -> float:
    """What the results of games, -1, 0 or 1, say at most, in bits."""
    shares = _shares(results)
    return float(-(shares * np.log2(np.maximum(shares, 1e-12))).sum() * results.size)


def _shares(results: NDArray[Any]) -> NDArray[np.float64]:
    """[3] of games lost, drawn and won."""
    return np.array([(results == worth).mean() for worth in (-1, 0, 1)]) if results.size else np.zeros(3)


def _loser(game: PlayedGame) -> int | None:
    """Who lost; None where nobody did."""
    return None if not game.result else 0 if game.result < 0 else 1


def in_words(metrics: Metrics) -> str:
    """What a generation's games were like, in a sentence."""
    return (f"{metrics['games']:.0f} games of {metrics['game_length']:.1f} moves; the first player won "
            f"{metrics['first_wins']:.0%}, {metrics['draws']:.0%} were drawn")
