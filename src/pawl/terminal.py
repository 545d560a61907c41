"""Text for a terminal: other people's words as data, our own words in one place, JSON on one line.

What a model or a user's file wrote may hold escape sequences, Rich markup or right-to-left overrides. `plain` takes
out what a terminal would obey; markup is never interpreted anywhere, so `[/b]` prints as it is.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from pawl.search.named import BASELINES_IN_WORDS, SEARCHES

if TYPE_CHECKING:
    from pawl.config import Setting

EXAMPLE = 160
"""Characters of an example."""
_KEPT = "\n\t"
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def plain(text: str) -> str:
    """The text without control characters (line breaks and tabs stay) and without changes of direction."""
    return "".join(c for c in text if c in _KEPT or (unicodedata.category(c) != "Cc" and c not in _DIRECTION))


def json_line(value: Mapping[str, Any]) -> str:
    """One JSON object on one line; numbers that JSON does not have (nan, inf) become null."""
    return json.dumps(_finite(value), allow_nan=False, default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, Real) and not isinstance(value, int):  # numpy's numbers too
        return int(value) if isinstance(value, Integral) else float(value) if math.isfinite(value) else None
    return value


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns padded with blanks to the widest cell; the last one is left ragged."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] if rows else []
    padded = [[cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)] for row in rows]
    return "\n".join("  ".join([*cells, row[-1]]).rstrip() for cells, row in zip(padded, rows, strict=True))


def percent(rate: float | None, interval: Sequence[float] | None = None) -> str:
    """`57.1%`, or `57.1% [54.0%, 60.1%]`; a dash when there is no rate."""
    if rate is None or not math.isfinite(rate):
        return "-"
    shown = f"{100 * rate:.1f}%"
    return shown if interval is None else f"{shown} [{100 * interval[0]:.1f}%, {100 * interval[1]:.1f}%]"


def duration(seconds: float) -> str:
    """`0:07`, `12:30` or `2:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def keys_in_words(settings: Sequence[Setting]) -> str:
    """A line for each key: `--learning-rate float  0.0003  Step size.`"""
    if not settings:
        return "  none"
    return table(
        [
            (f"  --{setting.name.replace('_', '-')} {setting.type}", _default(setting), setting.help)
            for setting in settings
        ]
    )


def _default(setting: Setting) -> str:
    match setting.default:
        case _ if setting.required:
            return "required"
        case None:
            return "none"
        case bool(value):
            return str(value).lower()
        case [*values]:
            return ",".join(map(str, values)) or "[]"
    return str(setting.default)


def run_in_words(result: Mapping[str, Any]) -> str:
    """What a run came to: base and final on the test problems, promotions, time, and where it all is."""
    counts = [f"{result[name]} {name}" for name in ("generations", "promoted", "refused", "dropped") if name in result]
    spent = f"{', '.join(counts)}, {duration(result['seconds']['total'])}\n{result['report']}"
    if "players" in result:
        return f"{_games_in_words(result)}\n{spent}"
    if "sentence" in result:
        return f"{_sections_in_words(result)}\n{spent}"
    base, final = result["base"], result["final"]
    rows = [
        (name, f"pass@1 {percent(rates['pass@1'], rates.get('ci'))}", f"pass@8 {percent(rates.get('pass@8'))}")
        for name, rates in (("base", base), ("final", final))
    ]
    searched = final.get("search")
    rows += [(name, f"pass@1 {percent(rate['pass@1'], rate['ci'])}", f"{rate['tokens']:.0f} tokens a problem")
             for name, rate in _searches(searched or {})]
    said = f"{searched['sentence']}\n" if searched else ""
    return f"{table(rows)}\n{said}{spent}"


def export_in_words(result: Mapping[str, Any]) -> str:
    """What was written; of data for a trainer also how much, and what is not in it."""
    files = "\n".join(result["files"])
    if "rows" not in result:
        return files
    left = ", ".join(f"{count} {reason}" for reason, count in result["left_out"].items()) or "none"
    counts = f"rows: {result['rows']}, of problems: {result['problems']}, of attempts: {result['attempts']}"
    return f"{counts}; left out: {left}\n{files}"


def _games_in_words(result: Mapping[str, Any]) -> str:
    """Scores against the players that do not learn."""
    base, alone, searched = (result["players"][who] for who in ("base", "policy", "search"))
    simulations = result["final"]["search"]["budget"]
    heads = ("against", "before", "policy alone", f"with {simulations} simulations")
    rows = [(one["opponent"], *(percent(each["score"], each["ci"]) for each in (one, other, last)))
            for one, other, last in zip(base, alone, searched, strict=True)]
    return table([heads, *rows])


def _sections_in_words(result: Mapping[str, Any]) -> str:
    """The tables that a run of stages ends with, and what they come to."""
    from pawl.report_stages import sections

    tables = [f"{one.title}\n{table([one.heads, *one.rows])}\n" for one in sections(result)]
    return "\n".join([*tables, str(result["sentence"])])


def _searches(search: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a run's champion did with search, by name."""
    if search:
        yield f"{search['name']}, {search['budget']}", search
    if "uniform" in search:
        yield f"{search['name']}, {search['budget']}, uniform prior", search["uniform"]
    for prior, rate in search.get("told", {}).items():
        yield f"told the truth of its ends, {prior} prior", rate


def profile_in_words(profile: Mapping[str, Any]) -> str:
    """Where the time of a run went, by stage."""
    from pawl.profile_words import TITLES, cells, headline

    rows = [TITLES, *(cells(row) for row in profile["stages"])]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [(name, *map(str.rjust, numbers, widths[1:])) for name, *numbers in rows]
    return f"{headline(profile)}\n{table(lines)}\n{profile['page']}"


def evaluation_in_words(result: Mapping[str, Any]) -> str:
    """A policy alone, with search, and the baselines at the same tokens."""
    policy, search = result["policy"], result.get("search")
    rows = [("policy alone", percent(policy["pass@1"], policy.get("ci")), "")]
    if search:
        prior = ", uniform prior" if search["prior"] == "uniform" else ""
        name = f"{search['name']}, {search['budget']} {SEARCHES[search['name']].counts}{prior}"
        rows.append((name, percent(search["pass@1"], search["ci"]), f"{search['tokens']:.0f} tokens a problem"))
    for name, rate in result["baselines"].items():
        spent = f"{rate['tokens']:.0f} tokens a problem" if search else ""
        answers = BASELINES_IN_WORDS[name].format(rate.get("attempts"))
        rows.append((answers, percent(rate["pass@1"], rate.get("ci")), spent))
    said = [f"{result['task']}, {result['problems']} {result['split']} problems", table(rows)]
    more = ("sentence", "curve_sentence", "prior_sentence", "curve_page", "tree")
    return "\n".join([*said, *(result[key] for key in more if key in result)])


def match_in_words(result: Mapping[str, Any]) -> str:
    """The score of the first of two players, and how its games ended."""
    score = percent(result["score"], result["ci"])
    sides = f"{percent(result['as_first'])} when it begins, {percent(result['as_second'])} when the other does"
    ends = ", ".join(f"{result[word]} {word}" for word in ("won", "drawn", "lost"))
    return (f"{result['first']} scores {score} against {result['second']} at {result['game']}\n"
            f"{result['games']} games from {result['openings']} openings: {ends}; {sides}")


def claims_in_words(result: Mapping[str, Any]) -> str:
    """Each claim with its verdict, and below it what was measured."""
    return "\n".join(map(_with_checks, result["claims"]))


def claim_in_words(claim: Mapping[str, Any]) -> str:
    """Whether it holds, in a line."""
    verdict = "holds" if claim["holds"] else "does not hold" + ("" if claim["should_hold"] else ", as was found before")
    return f"{claim['name']} {verdict} ({claim['seconds']:.0f} s): {claim['title']}"


def _with_checks(claim: Mapping[str, Any]) -> str:
    rows = [("  " + ("yes" if one["holds"] else "NO"), f"{one['mean']:.3g}", one["must_be"], one["says"])
            for one in claim["measured"]]
    return f"{claim_in_words(claim)}\n{table(rows)}"


def audit_in_words(result: Mapping[str, Any]) -> str:
    """The verdict, each finding with what to look at first, the readings, and where the page is."""
    lines = [f"{result['verdict']}: {result['sentence']}", ""]
    for finding in result["findings"]:
        examples = (shorten(plain(example), EXAMPLE, placeholder=" …") for example in finding["examples"][:3])
        lines += [f"{finding['gravity']:9}  {plain(finding['says'])}", *(f"{'':11}{example}" for example in examples)]
    readings = [("  " + one["says"], f"{one['data']:.3g}",
                 *([] if one["reference"] is None else [f"reference {one['reference']:.3g}"]))
                for one in result["readings"].values()]
    read = (f"{result['documents']:,} documents, {result['words']:,} words, {result['equal']:,} the same as one "
            f"before, {result['alike']:,} nearly; {result['seconds']:.0f} s, {result['peak_bytes'] / 2**20:,.0f} MiB")
    return "\n".join([*lines, *([""] if result["findings"] else []), *([table(readings)] if readings else []), read,
                      f"page: {plain(result['page'])}"])


def bench_in_words(result: Mapping[str, Any]) -> str:
    """A line for each comparison, and the machine; above 1, Pawl is better. What was measured alone is said in its own
    words."""
    rows = table([(row["name"], str(row["size"]), _measured(row)) for row in result["results"]])
    return f"{rows}\n{result['machine']}" if "machine" in result else rows


def _measured(row: Mapping[str, Any]) -> str:
    if "exponent" in row:
        return _grown(row)
    ratio = f"{row['ratio']:.2f} [{row['low']:.2f}, {row['high']:.2f}]  {row['unit']}, against {row['peer']}"
    return ratio + (f": {row['seconds']:.2f} s, not {row['peer_seconds']:.2f} s" if "seconds" in row else "")


def _grown(row: Mapping[str, Any]) -> str:
    last = row["points"][-1]
    return (f"time grows as n^{row['exponent']:.2f}, memory as n^{row['memory_exponent']:.2f}; {last['size']:,} took "
            f"{last['seconds']:.3g} s ({row['per_second']:,.0f} a second) and {last['bytes'] / 1e6:,.0f} MB")
