"""A small search of each rule, number by number: what changes it changes every search.

To renew it after a change that was meant: `python tests/search/test_golden_tree.py`, and read the difference.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from trees import Explorer, RandomTree, dump

from pawl.search.forest import search
from pawl.search.rules import GUMBEL, PUCT, UCT, Rule

GOLDEN = Path(__file__).parents[1] / "golden" / "search_tree.txt"
RULES = {"uct": Rule(UCT, 1.0), "puct": Rule(PUCT, 1.25), "gumbel": Rule(GUMBEL, 0.0)}


def dumped() -> str:
    """Two players, three actions, 16 walks; Gumbel with noise."""
    parts = []
    for name, rule in RULES.items():
        explorer = Explorer([RandomTree(3, 3, True, 0)], perfect=False)
        found = search(explorer.roots(), explorer, rule=rule, simulations=16, considered=2,
                       noise=np.array([[0.3, -0.2, 1.1]]))
        policy = " ".join(f"{share:.5f}" for share in found.policy[0])
        parts.append(f"{name}: action {found.actions[0]}, policy {policy}\n{dump(found.tree, 0)}\n")
    return "\n".join(parts)


def test_a_small_search_is_what_it_was_number_by_number() -> None:
    assert dumped() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(dumped(), encoding="utf-8")
