"""The picture in the README shows what the commands print today."""

from __future__ import annotations

import pytest

import picture
from support import ROOT


@pytest.mark.programs
@pytest.mark.slow
def test_the_picture_shows_what_the_commands_print_today() -> None:
    assert picture.text_of(picture.svg()) == picture.text_of(picture.PICTURE.read_text()), "make picture"


def test_the_picture_is_small_and_loads_nothing_from_elsewhere() -> None:
    text = picture.PICTURE.read_text()
    assert len(text) < 60_000
    assert "url(http" not in text
    assert "@font-face" not in text
    assert "href=" not in text
    assert f"](docs/{picture.PICTURE.name})" in (ROOT / "README.md").read_text()


def test_each_command_of_the_session_is_in_the_picture() -> None:
    lines = picture.text_of(picture.PICTURE.read_text())
    typed = [line.removeprefix("$ ") for line in lines if line.startswith("$ defer")]
    assert typed == [*picture.BEFORE, *picture.AFTER]


def test_what_differs_from_one_making_to_the_next_is_left_out() -> None:
    drawn = '<text x="9" y="2">3.1s</text><text x="0" y="2">took&#160;</text>'
    assert picture.text_of(drawn) == picture.text_of(drawn.replace("3.1", "27")) == ["took …"]
