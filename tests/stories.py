"""Ten things that a newcomer wants, typed on a terminal of 80 columns: what is to be typed, and what is to be read.

    make stories

Everything happens in a directory of its own. A story costs what is typed in it, each key and each Enter, and what is
then to be read, lines and words. `wake` stands for a wake of cron, which nobody types.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from defer import instants
from support import SCRIPTS, Place
from terminal import on_terminal

COLUMNS = 80
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SCRIPTS = {
    "backup.sh": "echo 3 files are saved",
    "flaky.sh": 'echo x >>tries; test "$(wc -l <tries)" -ge 3 || { echo "the server is busy" >&2; exit 1; }; echo done',
    "broken.sh": 'echo "no such host: nas" >&2; exit 6',
}


class Story(NamedTuple):
    """What somebody wants, and what is typed for it; ``wake`` is a wake, ``!`` in front what a shell does."""

    wish: str
    typed: tuple[str, ...]


STORIES = (
    Story("remind me at 17:00", ("defer 17:00 call mom",)),
    Story(
        "run a script in 30 minutes and tell me how it ended",
        ('defer 30m --command ./backup.sh --notify always "back up"', "wake", "defer inbox"),
    ),
    Story(
        "every weekday at 8:30 a prompt in a repository",
        (
            "defer every weekday 8:30 read what is new --executor claude --permissions read --id morning",
            "defer show morning",
        ),
    ),
    Story(
        "wait for a file",
        (
            'defer now --if "test -e done.txt" --expires 2h --command "cat done.txt" look at the result --id look',
            "wake",
            "defer list --text look",
            "!echo all is well >done.txt",
            "wake",
            "defer log look",
        ),
    ),
    Story(
        "it fails twice and then succeeds",
        (
            "defer now --command ./flaky.sh --retries 2 ask the server --id ask",
            "wake",
            "wake",
            "wake",
            "defer history ask",
        ),
    ),
    Story(
        "what ran yesterday, and why did one fail",
        (
            "defer now --command ./broken.sh copy the photos --id photos",
            "wake",
            "defer history --since yesterday",
            "defer log photos",
        ),
    ),
    Story("change the time", ("defer list", "defer reschedule morning monday 10:00", "defer snooze morning 1h")),
    Story("pause all for the holidays", ("defer pause --all --until monday", "defer list", "defer resume --all")),
    Story("undo a cancel", ("defer cancel morning", "defer uncancel morning")),
    Story(
        "go on on another machine",
        ("!cp -R ~/data/runtime ../other/", "other defer list", "other defer doctor"),
    ),
)


class Told(NamedTuple):
    """A command, and what it printed."""

    typed: str
    said: str


class Desk:
    """A newcomer's home, in which time passes as the stories want it."""

    def __init__(self, base: Path) -> None:
        self.place = Place(base)
        self.place.env |= {"DEFER_RETRY_DELAY_SECONDS": "0", "DEFER_LOCK_TIMEOUT_SECONDS": "10"}
        self.place.env["DEFER_RUNTIME_DIR"] = str(self.place.home / "data" / "runtime")
        other = base / "other"
        other.mkdir()
        for name, body in _SCRIPTS.items():
            path = self.place.home / name
            path.write_text(f"#!/bin/sh\n{body}\n")
            path.chmod(0o755)
        subprocess.run(["git", "init", "--quiet", self.place.home], check=True)
        # Cron has been at work here.
        self.place.run("run-deferred.sh")
        self._other = other

    def tell(self, story: Story) -> Iterator[Told]:
        for typed in story.typed:
            if typed == "wake":
                self._bring_forward()
                self.place.run("run-deferred.sh")
            elif typed.startswith("!"):
                subprocess.run(["sh", "-c", typed[1:]], check=True, cwd=self.place.home, env=self.place.env)
                yield Told(typed[1:], "")
            else:
                yield Told(typed, self._said(typed))

    def _said(self, typed: str) -> str:
        env = {}
        words = shlex.split(typed)
        if words[0] == "other":
            env, words = {"DEFER_RUNTIME_DIR": str(self._other / "runtime")}, words[1:]
        _, said = on_terminal(self.place, *words[1:], columns=COLUMNS, env=env)
        return _COLOUR.sub("", said).replace(str(SCRIPTS / "schedule-task.sh"), "defer")

    def _bring_forward(self) -> None:
        """What is due within the hour is due now, and what is held is asked now: nobody waits for it here."""
        path = Path(self.place.env["DEFER_RUNTIME_DIR"]) / "deferred.jsonl"
        text, now = path.read_text(), instants.to_text(instants.now())
        text = re.sub(r'("status":"scheduled","run_at":")[^"]*("[^\n]*"when":"(?:30m|now)")', rf"\g<1>{now}\2", text)
        text = re.sub(r',"held":\{[^}]*\}', "", text)
        path.write_text(text)


def main() -> int:
    keys = lines = words = 0
    with tempfile.TemporaryDirectory() as base:
        desk = Desk(Path(base))
        for number, story in enumerate(STORIES, 1):
            told = list(desk.tell(story))
            typed = sum(len(one.typed) + 1 for one in told)
            read = [line for one in told for line in one.said.splitlines()]
            keys, lines = keys + typed, lines + len(read)
            words += (count := sum(len(line.split()) for line in read))
            print(f"{number}. {story.wish}\n")
            for one in told:
                print(f"$ {one.typed}\n{one.said}", end="")
            print(f"\n   {typed} keys typed; {len(read)} lines, {count} words to read\n")
    print(f"all: {keys} keys typed; {lines} lines, {words} words to read")
    return 0


if __name__ == "__main__":
    sys.exit(main())
