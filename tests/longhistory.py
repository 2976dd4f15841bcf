"""A repository with a history: 1,000 commits with renames, deletions, merges and names that nobody wants to meet.

As a program it prints how long a drift brief takes there: ``.venv/bin/python tests/longhistory.py``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

COMMITS = 1000
FILES = 400
HOSTILE = "src/\x1b[31mred\nline.py"
KEPT_TOUCHES, TWICE_TOUCHES = 17, 6
_AUTHOR = b"Ann <ann@example.org>"
_BEGAN = 1_775_000_000


def environment(home: Path) -> dict[str, str]:
    """For git in tests: nothing of the user's."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


def git(directory: Path, *words: str, stdin: bytes = b"") -> str:
    """What git prints there."""
    who = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", "-C", directory, *who, *words], env=environment(directory), input=stdin, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def body(number: int, extra: int = 0) -> bytes:
    """The text of a file: long enough for a rename to be seen after a small change."""
    lines = [f"def f_{number}_{line}(): return {number * line}" for line in range(40)]
    return "\n".join([*lines, *(f"# change {one}" for one in range(extra)), ""]).encode()


def _data(text: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(text), text)


def _quoted(path: str) -> bytes:
    return b'"' + path.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _modify(path: str, content: bytes) -> bytes:
    return b"M 100644 inline %s\n%s" % (_quoted(path), _data(content))


def _changes(number: int) -> Iterator[bytes]:
    """What the commit of that number does, beside what every commit does."""
    if number % 50 == 7 and number // 50 < KEPT_TOUCHES:
        yield _modify("src/kept.py", body(1, number))
    if number % 60 == 30:
        yield b"R %s %s\n" % (_quoted(f"src/file_{number // 60}.py"), _quoted(f"src/moved_{number // 60}.py"))
    if number % 70 == 40:
        yield b"D %s\n" % _quoted(f"src/file_{200 + number // 70}.py")
    single = {
        100: b"R %s %s\n" % (_quoted("src/twice.py"), _quoted("lib/once.py")),
        300: _modify("lib/once.py", body(2, 1)),
        500: b"R %s %s\n" % (_quoted("lib/once.py"), _quoted("pkg/twice here.py")),
        700: _modify("pkg/twice here.py", body(2, 2)),
        800: _modify("pkg/twice here.py", body(2, 3)),
        900: _modify("pkg/twice here.py", body(2, 4)),
        600: b"D %s\n" % _quoted("src/dead.py"),
        650: b"R %s %s\n" % (_quoted(HOSTILE), _quoted(HOSTILE + "\u202e")),
    }
    if number in single:
        yield single[number]


def _stream(commits: int) -> Iterator[bytes]:
    for number in range(commits + 1):
        yield b"commit refs/heads/main\nmark :%d\n" % (number + 1)
        yield b"committer %s %d +0000\n" % (_AUTHOR, _BEGAN + 60 * number)
        yield _data(b"Commit %d" % number)
        if number == 0:
            yield from (_modify(f"src/file_{one}.py", body(100 + one)) for one in range(FILES))
            named = ("src/kept.py", 1), ("src/twice.py", 2), ("src/dead.py", 3), (HOSTILE, 4), ("src/still.py", 5)
            yield from (_modify(path, body(one)) for path, one in named)
        else:
            yield b"from :%d\n" % number
            yield _modify(f"src/file_{300 + number % 100}.py", body(300 + number % 100, number))
            yield from _changes(number)
        yield b"\n"


def build(directory: Path, commits: int = COMMITS) -> str:
    """Make the repository with its first commit checked out; the name of its last, to go on to with ``go_on``."""
    directory.mkdir(parents=True)
    git(directory, "init", "-q")
    git(directory, "fast-import", "--quiet", stdin=b"".join(_stream(commits)))
    last = git(directory, "rev-parse", "main")
    git(directory, "checkout", "-q", "-B", "main", f"{last}~{commits}")
    return last


def go_on(directory: Path, to: str) -> None:
    """Bring the branch and the work tree to another commit."""
    git(directory, "reset", "-q", "--hard", to)


def main() -> None:
    """Print the fastest, the middle and the slowest of twenty briefs."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
    from defer import instants
    from defer.context import drift, noted

    base = Path(tempfile.mkdtemp())
    try:
        top = base / "repository"
        last = build(top)
        names = ("src/kept.py", "src/twice.py", "src/dead.py", "src/still.py", HOSTILE)
        context = {"artifacts": [str(top / name) for name in names]}
        now = instants.now()
        begun = time.perf_counter()
        known = noted.note({"id": "a", "run_at": "", "status": "", "workspace": str(top), "context": context}, now)
        noting = time.perf_counter() - begun
        go_on(top, last)
        took, worked = [], []
        for _ in range(20):
            begun, busy = time.perf_counter(), sum(os.times()[:4])
            lines = drift.brief(known, now, 3600, shutil.which("git"))
            took.append(time.perf_counter() - begun)
            worked.append(sum(os.times()[:4]) - busy)
        took.sort()
        with suppress(UnicodeEncodeError):
            print("\n".join(lines))
        print(f"\n{COMMITS} commits: noted in {noting * 1000:.1f} ms; told in", end=" ")
        print(
            f"{took[0] * 1000:.0f} ms (fastest), {took[10] * 1000:.0f} ms (middle), {took[-1] * 1000:.0f} ms (slowest)"
        )
        print(f"of processor time, git's included: {sum(worked) / len(worked) * 1000:.0f} ms each")
        print(f"{sum(len(line.encode()) + 3 for line in lines)} of at most {drift.MOST_BYTES} bytes")
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
