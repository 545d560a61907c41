"""What one sees of a run: kept sentences, a moving line on a terminal only, and an honest time left."""

from __future__ import annotations

import io

import pytest

from pawl.progress import Lines, TimeLeft, headline, watch
from pawl.records import Event

STAGES = ("sample", "score", "train", "gate")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def generation(number: int, said: str = "", generations: int = 4) -> list[Event]:
    stages = [Event(stage, number, generations, done=3, total=8) for stage in STAGES]
    return [*stages, Event("decide", number, generations, message=said)]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def test_no_time_is_left_to_say_before_a_generation_has_passed() -> None:
    left = TimeLeft(lambda: 5.0)
    for event in (Event("base", 0, 4), *generation(1)):
        left.hear(event)
    assert left.seconds() is None


def test_time_left_is_the_pace_times_what_is_to_come() -> None:
    now = 0.0
    left = TimeLeft(lambda: now)
    left.hear(Event("sample", 1, 4))
    now = 10.0
    left.hear(Event("sample", 2, 4))
    assert left.seconds() == pytest.approx(30.0)
    now = 14.0
    assert left.seconds() == pytest.approx(26.0)


def test_time_left_after_a_resume_counts_what_was_watched_only() -> None:
    now = 0.0
    left = TimeLeft(lambda: now)
    left.hear(Event("sample", 7, 8))
    now = 6.0
    left.hear(Event("sample", 8, 8))
    assert left.seconds() == pytest.approx(6.0)


def test_without_a_terminal_there_are_plain_lines() -> None:
    stream = io.StringIO()
    with watch(stream) as notify:
        base = Event("base", 0, 4, message="base: 12.0%")
        for event in (base, *generation(1, "promoted: it won more"), *generation(2)):
            notify(event)
    assert stream.getvalue().splitlines()[:3] == ["     base: 12.0%", "generation 1 of 4", "  1  promoted: it won more"]
    assert stream.getvalue().splitlines()[3].startswith("generation 2 of 4, ")
    assert "\x1b" not in stream.getvalue()


def test_on_a_terminal_sentences_stay_and_the_line_moves(terminal: Terminal) -> None:
    with watch(terminal) as notify:
        for event in (*generation(1, "refused: it won no more than it lost"), Event("sample", 2, 4, done=5, total=8)):
            notify(event)
    shown = terminal.getvalue()
    assert "  1  refused: it won no more than it lost\n" in shown
    assert "generation 2 of 4" in shown
    assert "5/8" in shown


def test_the_moving_line_fits_a_narrow_terminal(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with watch(terminal) as notify:
        for number in (9, 10, 11):
            notify(Event("sample", number, 12, done=15_999, total=16_000))
    moving = [line for line in terminal.getvalue().replace("\r", "\n").split("\n") if "15999/16000" in line]
    assert moving
    assert all("generation" in line and "left" in line for line in moving[-1:])


def test_no_color_is_respected(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def colours() -> int:
        stream = Terminal()
        with watch(stream) as notify:
            for event in generation(1, "kept"):
                notify(event)
        return stream.getvalue().count("\x1b[38;")

    assert colours() > 0
    monkeypatch.setenv("NO_COLOR", "1")
    assert colours() == 0


def test_hostile_text_is_only_text(terminal: Terminal) -> None:
    hostile = "promoted [/b][red]x[/red] \x1b]0;title\x07\x1b[2J\u202e :smile:"
    with watch(terminal) as notify:
        notify(Event("decide", 1, 4, message=hostile))
    plain = io.StringIO()
    Lines(plain, TimeLeft(lambda: 0.0)).hear(Event("decide", 1, 4, message=hostile))
    for shown in (terminal.getvalue(), plain.getvalue()):
        assert "[/b][red]x[/red] ]0;title[2J :smile:" in shown


def test_the_view_closes_when_the_run_fails(terminal: Terminal) -> None:
    with pytest.raises(ZeroDivisionError), watch(terminal) as notify:
        notify(Event("sample", 1, 4))
        raise ZeroDivisionError
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is back


def test_a_headline_says_how_far_and_how_long() -> None:
    assert headline(Event("sample", 3, 12), 80.0) == "generation 3 of 12, 1:20 left"
    assert headline(Event("base", 0, 12), None) == "base"
    assert headline(Event("test", 12, 12), 3.0) == "final test"
