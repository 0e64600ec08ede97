"""What a run says of itself: a line now and then, or a bar that fits the terminal."""

import dataclasses
import io
import re
from typing import Any

import pytest

from firth.cli.watch import TrainView
from firth.training.progress import Bar, Lines, Progress, clock, epoch_lines

HALF = Progress(
    words=1_500,
    words_total=3_000,
    epoch=2,
    epochs=3,
    seconds=61.0,
    words_per_second=125.0,
    alpha=0.02505,
    loss=2.34567,
    epoch_losses=(2.5,),
)


def at(words: int, seconds: float, *losses: float, **changes: Any) -> Progress:
    return dataclasses.replace(HALF, words=words, seconds=seconds, epoch_losses=losses, **changes)


def test_a_line_has_share_epoch_rate_speed_loss_and_time() -> None:
    assert str(HALF) == " 50.0%  epoch 2/3  alpha 0.02505  0.00 M raw words/s  loss/pair 2.3457  0:12 left"
    assert str(at(3_000, 75.2)).endswith("M raw words/s  done in 1:15")
    unknown = dataclasses.replace(HALF, words_per_second=0.0, loss=None)
    assert str(unknown).endswith("loss/pair –  ? left")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (75.2, "1:15"), (3599.6, "1:00:00"), (36_001, "10:00:01")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_lines_come_after_a_second_then_every_few_and_once_at_the_end() -> None:
    lines: list[str] = []
    tell = Lines(lines.append, seconds=5.0)
    for words, seconds in ((0, 0.0), (100, 0.5), (300, 1.1), (500, 4.0), (700, 6.2), (900, 7.0)):
        tell(at(words, seconds))
    assert [line.split()[0] for line in lines] == ["10.0%", "23.3%"]
    tell(at(3_000, 8.0, 2.5, 2.4, 2.3))
    tell(at(3_000, 8.1, 2.5, 2.4, 2.3))
    assert lines[2:5] == [
        f"epoch {n}/3 done  loss/pair {loss}" for n, loss in ((1, "2.5000"), (2, "2.4000"), (3, "2.3000"))
    ]
    assert [line.split()[0] for line in lines[5:]] == ["100.0%"]


def test_a_run_that_goes_on_does_not_tell_its_old_epochs_again() -> None:
    lines: list[str] = []
    tell = Lines(lines.append)
    tell(at(1_100, 500.0, 2.5))
    assert lines == []
    tell(at(2_000, 500.5, 2.5, 2.4))
    assert lines == ["epoch 2/3 done  loss/pair 2.4000"]


def test_many_epochs_get_a_hundred_lines_and_the_last_one_is_among_them() -> None:
    many = at(3_000, 9.0, *[2.0] * 1_234, epochs=1_234)
    lines = epoch_lines(many, 0)
    assert 90 <= len(lines) <= 101
    assert lines[0].startswith("epoch   13/1234 done")
    assert lines[-1].startswith("epoch 1234/1234 done")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("columns", "shown", "hidden"), [(120, "━", "…"), (80, "alpha 0.02505", "━"), (50, "0:12 left", "alpha")]
)
def test_the_bar_fits_the_terminal(
    monkeypatch: pytest.MonkeyPatch, columns: int, shown: str, hidden: str
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    with Bar(screen) as bar:
        bar(HALF)
    text = re.sub("\x1b\\[[?0-9;]*[A-Za-z]", "", screen.getvalue()).split("\r")[-1]
    assert "epoch 2/3" in text
    assert "loss/pair 2.3457" in text
    assert shown in text
    assert hidden not in text
    assert max(map(len, text.splitlines())) <= columns


def test_reading_is_told_in_lines_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr("firth.cli.watch.time.perf_counter", lambda: now[0])
    view = TrainView(io.StringIO())
    for seconds in (1.0, 3.0, 2.0, 5.0):
        now[0] += seconds
        view.reading(int(now[0] * 1e7), 2_000_000_000)
    view.close()
    assert capsys.readouterr().err == "read 1,060 MB of 2,000\nread 1,110 MB of 2,000\n"


def test_the_bar_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    screen = Terminal()
    view = TrainView(screen)
    for done in (at(1_000, 1.0), at(3_000, 2.0), at(3_000, 2.0)):
        view.training(done)
    view.close()
    assert "done in 0:02" in screen.getvalue()
    assert screen.getvalue().count("\n") == 1, "what was drawn last stays, once"
