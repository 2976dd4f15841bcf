"""Short ids: what a table on a terminal prints, which every command there takes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pytest

from defer.client import Client
from defer.commands import ids
from defer.errors import Refused
from support import Place, v1_task
from terminal import on_terminal

MADE_UP = "task_20260408_163500_0123456789"
OF_V1 = "task_20260408_163500_4821"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_the_last_block_of_an_id_that_was_made_up() -> None:
    given = [MADE_UP, OF_V1, "nightly", "task_20260408_163500_0123456789a", "task_x_4821", "my_0123456789"]
    assert ids.shown(given, Terminal()) == {
        **{one: one for one in given},
        MADE_UP: "0123456789",
        OF_V1: "4821",
    }


def test_two_that_would_look_alike_are_shown_whole() -> None:
    other = "task_20260409_163500_4821"
    assert ids.shown([OF_V1, other, MADE_UP], Terminal()) == {OF_V1: OF_V1, other: other, MADE_UP: "0123456789"}
    assert ids.shown(["4821", OF_V1], Terminal()) == {"4821": "4821", OF_V1: OF_V1}


def test_a_program_gets_whole_ids() -> None:
    assert ids.shown([MADE_UP], io.StringIO()) == {MADE_UP: MADE_UP}


@pytest.fixture
def meant(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """What a word means to a command on a terminal."""

    def ask(word: str) -> str:
        monkeypatch.setattr(sys, "stdout", Terminal())
        return ids.meant(Client(place.env), word)

    return ask


def test_what_a_table_printed_means_its_task(place: Place, meant: Callable[[str], str]) -> None:
    long = "nightly-" + "x" * 37
    place.write_store(v1_task(MADE_UP), v1_task(OF_V1), v1_task(long), v1_task("nightly-y"))
    assert meant("0123456789") == meant(MADE_UP) == MADE_UP
    assert meant("4821") == OF_V1
    assert meant("nightly-x…") == long
    assert meant("0123456…") == MADE_UP
    assert meant("nightly-x") == long
    assert meant("task_20260408_163500_0") == MADE_UP
    assert [meant(word) for word in ("56789", "n", "…", "9999", "z…", "ightly")] == [
        "56789", "n", "…", "9999", "z…", "ightly",
    ]  # fmt: skip


def test_an_id_that_somebody_gave_comes_first(place: Place, meant: Callable[[str], str]) -> None:
    place.write_store(v1_task(OF_V1), v1_task("4821"), v1_task("…"), v1_task("a…"), v1_task("ab"))
    assert [meant(word) for word in ("4821", "…", "a…")] == ["4821", "…", "a…"]


def test_what_means_several_is_refused_with_their_names(place: Place, meant: Callable[[str], str]) -> None:
    several = [f"task_2026040{day}_163500_4821" for day in range(1, 6)]
    place.write_store(*map(v1_task, several))
    with pytest.raises(Refused) as raised:
        meant("4821")
    named = ", ".join(several[:3])
    assert str(raised.value) == f"several tasks are meant: 4821: {named}, … (give more of the id)"


def test_what_has_been_filed_is_found_too(place: Place, meant: Callable[[str], str]) -> None:
    place.write_store(v1_task(MADE_UP, executor="/bin/cat"), v1_task("nightly-x", executor="/bin/cat"))
    place.wake()
    assert not place.tasks()
    assert meant("0123456789") == MADE_UP
    assert meant("night…") == "nightly-x"
    assert meant("01234…") == MADE_UP


def test_a_program_has_to_give_a_whole_id(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write_store(v1_task(MADE_UP))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert ids.meant(Client(place.env), "0123456789") == "0123456789"


@pytest.mark.programs
@pytest.mark.parametrize("command", ["show", "pause", "edit", "snooze", "run", "cancel"])
def test_every_command_on_a_terminal_takes_one(place: Place, command: str) -> None:
    place.write_store(v1_task(MADE_UP, run_at="2099-01-01T00:00:00Z"))
    more = {"edit": ["--summary", "t"], "snooze": ["1h"]}.get(command, [])
    status, said = on_terminal(place, command, "0123456789", *more)
    assert status == 0, said
    done = place.defer(command, "0123456789", *more)
    mend = f"only a terminal takes a short id; say the whole one: {MADE_UP}"
    assert (done.returncode, done.stderr) == (1, f"defer: no such task: 0123456789 ({mend})\n")


@pytest.mark.programs
def test_a_list_on_a_terminal_is_short_and_its_json_is_not(place: Place) -> None:
    place.write_store(v1_task(MADE_UP, run_at="2099-01-01T00:00:00Z"))
    assert "  0123456789  " in on_terminal(place, "list")[1]
    assert json.loads(on_terminal(place, "list", "--json")[1])[0]["id"] == MADE_UP
