"""YAML as the nodes of ruamel.yaml, with a bound that holds while it is read.

ruamel.yaml takes some 20 µs for a value, so that a file of 100 kB may cost seconds: a file with more than a task file
may have is not read to its end. Loaded only where YAML is read, since ruamel.yaml costs more than Python's own start.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer


class TooMuch(Exception):
    """There are more values than allowed, or they nest too deeply; ``line`` counts from 0."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


class _Bounded(Composer):
    """Composes at most so many values, at most so deep."""

    left: int
    room: int

    def compose_node(self, parent: Any, index: Any) -> Any:
        # The name of a field has no place in its map yet; all else counts as a value.
        self.left -= parent is None or index is not None
        self.room -= 1
        if self.left < 0 or self.room < 0:
            raise TooMuch(int(self.parser.peek_event().start_mark.line))
        node = super().compose_node(parent, index)
        self.room += 1
        return node


class _Reader(YAML):
    def official_plug_ins(self) -> list[str]:
        """None: looking for them would walk through a directory for each file that is read."""
        return []


def compose(text: str, most: int, deepest: int) -> Any:
    """The root node of a YAML text of at most ``most`` values, ``deepest`` in each other; None where it is empty.

    Raises TooMuch, and YAMLError where it is not YAML.
    """
    yaml = _Reader(typ="safe", pure=True)
    yaml.Composer = _Bounded
    yaml.composer.left, yaml.composer.room = most, deepest
    yaml.composer.warn_double_anchors = False  # YAML allows that, and the warning would show what the file holds
    return yaml.compose(text)
