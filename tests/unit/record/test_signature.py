"""Which errors count as the same one."""

from __future__ import annotations

import time

import pytest

from defer.record import signature

SAME = {
    "numbers": ("exited with 1: 3 of 14 failed", "exited with 2: 10 of 14 failed"),
    "a path": ("no such file: /tmp/a1/x.txt", "no such file: /home/me/y"),
    "a path in quotes": ("cannot open '/tmp/a b'", "cannot open '/var/a b'"),
    "a path of the home": ("cannot read ~/a/b", "cannot read ~/c"),
    "a path from here": ("cannot read ./a", "cannot read ../b/c"),
    "a page": ("GET https://a.example/x?y=1 failed", "GET http://b.example/ failed"),
    "an address": ("connect to 10.0.0.7:5432 refused", "connect to 10.0.0.12:5433 refused"),
    "an id of ours": ("lost task_20260408_163500_4821", "lost task_20260409_090000_ab12cd34ef"),
    "a uuid": ("job 9f1c2d3e-aaaa-4bbb-8ccc-1234567890ab gone", "job 00000000-1111-4bbb-8ccc-ffffffffffff gone"),
    "a hash": ("at commit 1f3a9bc", "at commit abc123def4567890"),
    "moments": ("since 2026-04-08T16:45:00Z", "since 2026-04-09T01:00:59Z"),
    "blanks and lines": ("a\n  b", "a b"),
    "case": ("Timed out", "timed out"),
}
OTHER = {
    "words": ("connection refused", "connection reset"),
    "a word with a slash": ("cannot read/write", "cannot read"),
    "what follows a path": ("/a/b: no such file", "/a/b: permission denied"),
    "a word of letters that hexadecimal has too": ("facade fell", "decade fell"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_differs_each_time_does_not_count(name):
    one, other = SAME[name]
    assert signature.of(one) == signature.of(other) != ""


@pytest.mark.parametrize("name", OTHER)
def test_what_is_another_error_is_told_apart(name):
    one, other = OTHER[name]
    assert signature.of(one) != signature.of(other)


def test_what_it_looks_like():
    found = signature.of("Executor exited with 1: cannot open /tmp/x: No such file\n")
    assert found == "executor exited with #: cannot open #: no such file"


@pytest.mark.parametrize("error", [None, "", " \n\t"])
def test_no_text_has_an_empty_one(error):
    assert signature.of(error) == ""


@pytest.mark.parametrize("error", [5, ["a"], {"x": 1}, "\ud800 \x1b[2J"])
def test_anything_has_one(error):
    assert signature.of(error)


@pytest.mark.parametrize("piece", ["a-", "a1-", "/", "://", "1.", "~/", "task_", "a" * 40 + "1"])
def test_no_text_takes_long(piece):
    started = time.process_time()
    assert len(signature.of(piece * 300_000)) <= signature.LONGEST
    assert time.process_time() - started < 1
