"""Files read backwards: every line whatever stands in the file, and no more of it than is asked for."""

from __future__ import annotations

import tempfile
import tracemalloc
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer import fsio
from defer.record import codec
from defer.store import backwards


class Reads(fsio.Kernel):
    """The system calls as they are; ``size`` is that of the files opened, ``read`` what was read of them."""

    read = 0

    def reader(self, path: Path) -> object:
        kernel, stream = self, super().reader(path)

        class Counted:
            def __enter__(self) -> Counted:
                return self

            def __exit__(self, *_: object) -> None:
                stream.close()

            def fileno(self) -> int:
                return stream.fileno()

            def seek(self, place: int) -> int:
                return stream.seek(place)

            def read(self, size: int) -> bytes:
                kernel.read += size
                return stream.read(size)

        return Counted()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    kernel = Reads()
    monkeypatch.setattr(fsio, "kernel", kernel)
    return kernel


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backwards, "_BLOCK_BYTES", 7)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"\n", []),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"one\ntwo\nthree\n", [b"three", b"two", b"one"]),
        (b"one\ntwo\ntorn", [b"torn", b"two", b"one"]),
        (b"\n\none\n\ntwo\n\n", [b"two", b"one"]),
        (b"one\r\ntwo\r\n", [b"two\r", b"one\r"]),
        (b"x" * 6 + b"\n" + b"y" * 7 + b"\n" + b"z" * 20 + b"\n", [b"z" * 20, b"y" * 7, b"x" * 6]),
        (b"\x85\xe2\x80\xa8\x0b\x0c\x1d\nb\n", [b"b", b"\x85\xe2\x80\xa8\x0b\x0c\x1d"]),
    ],
    ids=["empty", "newline", "no newline", "one", "three", "torn", "blank", "CR LF", "over blocks", "other line ends"],
)
@pytest.mark.usefixtures("small_blocks")
def test_lines_come_newest_first(tmp_path: Path, raw: bytes, expected: list[bytes]) -> None:
    path = tmp_path / "runs_202604.jsonl"
    path.write_bytes(raw)
    assert list(backwards.lines(path)) == expected


def test_what_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert list(backwards.lines(tmp_path / "runs_202604.jsonl")) == []


@pytest.mark.usefixtures("small_blocks")
def test_a_line_too_long_to_be_a_record_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_LINE_BYTES", 30)
    path = tmp_path / "runs_202604.jsonl"
    path.write_bytes(b"one\n" + b"x" * 29 + b"\n" + b"y" * 30 + b"\n" + b"z" * 1000 + b"\nlast\n")
    assert list(backwards.lines(path)) == [b"last", b"x" * 29, b"one"]


def test_a_long_line_is_never_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "runs_202604.jsonl"
    with path.open("wb") as file:
        file.write(b"one\n")
        file.truncate(100 << 20)
        file.seek(0, 2)
        file.write(b"\nlast\n")
    tracemalloc.start()
    found = list(backwards.lines(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [b"last", b"one"]
    assert peak < 24 << 20


def test_the_newest_lines_cost_the_same_whatever_lies_before_them(tmp_path: Path, reads: Reads) -> None:
    path = tmp_path / "runs_202604.jsonl"
    with path.open("wb") as file:
        for number in range(20_000):
            file.write(b"%0200d\n" % number)
    tracemalloc.start()
    newest = list(islice(backwards.lines(path), 100))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [int(line) for line in newest] == list(range(19_999, 19_899, -1))
    assert reads.read == backwards._BLOCK_BYTES
    assert peak < 4 << 20


PIECES = [b"a", b"\n", b"one", b"wanted", b"want", b"ed", b"needle", b"needles are\n", b"\r\n"]


@pytest.mark.parametrize("block", [1, 7, 64])
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=30))
def test_those_that_hold_a_text_are_told_from_all_others(block: int, pieces: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backwards, "_BLOCK_BYTES", block)
        path = Path(place) / "file"
        path.write_bytes(b"".join(pieces))
        wanted = [line for line in backwards.lines(path) if b"wanted" in line or b"needle" in line]
        assert list(backwards.lines(path, [b"wanted", b"needle"])) == wanted


def test_nothing_before_what_is_enough_is_read(tmp_path: Path, reads: Reads) -> None:
    """A text that is nowhere is not looked for in what is too old."""
    path = tmp_path / "runs_202604.jsonl"
    path.write_bytes(b"".join(b"%0200d\n" % number for number in range(20_000)))
    wanted = b"%0200d" % 18_000
    assert list(backwards.lines(path, [wanted, b"nobody"], lambda line: int(line) < 18_500)) == [wanted]
    assert reads.read <= 2 * backwards._BLOCK_BYTES


def test_one_line_is_found_by_bytes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twenty thousand only those of its block are taken apart."""
    path = tmp_path / "runs_202604.jsonl"
    path.write_bytes(b"".join(b"%0200d\n" % number for number in range(20_000)))
    seen: list[bytes] = []
    real = backwards._Line.prepend
    monkeypatch.setattr(backwards._Line, "prepend", lambda self, part: (seen.append(part), real(self, part))[1])
    wanted = b"%0200d" % 10_777
    assert list(backwards.lines(path, [wanted])) == [wanted]
    assert len(seen) < 3000
