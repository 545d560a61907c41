"""What a board game came to, by its rules; and who gave up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.interfaces import Judge, ManyBoards
from pawl.records import Attempt, Verdict

RULES, RESIGNATION = "rules", "resignation"


def rules_judge(rules: ManyBoards) -> Judge:
    """Scores games, whose openings are their prompts' tokens and whose moves are their completions', with what player 0
    got, in [0, 1]. Where a game stops before its end, whoever was to move gave up; where it was cut off, nobody can
    say."""

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        if not attempts:
            return []
        lines = [np.concatenate((attempt.prompt_tokens, attempt.completion.tokens)).tolist() for attempt in attempts]
        views = rules.view(rules.start(lines))
        first = np.where(views.players == 0, views.results, -views.results)
        verdicts = []
        for i, attempt in enumerate(attempts):
            if views.over[i]:
                verdicts.append(Verdict((float(first[i]) + 1) / 2, RULES))
            elif attempt.completion.finish == "stop":
                verdicts.append(Verdict(0.0 if views.players[i] == 0 else 1.0, RESIGNATION))
            else:
                verdicts.append(Verdict(None, RULES, error=f"score: no end after {len(lines[i])} moves"))
        return verdicts

    return judge
