"""What is kept of an attempt's output: capped, counted, masked, in flat memory."""

import os
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defer.run.capture import STREAMS, Capture, Log
from defer.settings.masking import MASK, Masker


def captured(tmp_path, *taken, limit=100, secrets=()):
    one = Capture(Log.create(tmp_path / "a" / "run.log", limit), Masker(secrets))
    for stream, piece in taken:
        one.take(stream, piece)
    one.finish()
    log = tmp_path / "a" / "run.log"
    return one, log.read_bytes() if log.exists() else b""


def test_both_streams_go_into_the_log_as_they_come(tmp_path):
    one, log = captured(tmp_path, ("stdout", b"a"), ("stderr", b"b"), ("stdout", b"c"))
    assert (log, one.output) == (b"abc", "ac")


def test_an_attempt_that_printed_nothing_keeps_no_log(tmp_path):
    one = Capture(Log.create(tmp_path / "a" / "run.log", 100), Masker([]))
    assert (tmp_path / "a" / "run.log").exists()
    one.finish()
    assert (one.log.is_kept, list((tmp_path / "a").iterdir())) == (False, [])


def test_a_program_that_stays_may_print_later_and_keeps_its_log(tmp_path):
    one = Capture(Log.create(tmp_path / "a" / "run.log", 100), Masker([]))
    one.finish(is_read_on=True)
    assert (one.log.is_kept, (tmp_path / "a" / "run.log").read_bytes()) == (True, b"")


def test_a_log_that_another_process_made_is_not_removed(tmp_path):
    made = Log.create(tmp_path / "a" / "run.log", 100)
    Capture(Log(made.fd, 100), Masker([])).finish()
    assert (tmp_path / "a" / "run.log").exists()


@pytest.mark.parametrize("size", [99, 100, 101, 250])
def test_the_log_ends_at_the_limit_and_says_what_is_missing(tmp_path, size):
    one, log = captured(tmp_path, ("stdout", b"x" * 60), ("stderr", b"y" * (size - 60)))
    kept = b"x" * 60 + b"y" * min(40, size - 60)
    note = f"\n[defer: {size - 100} further bytes were not kept]\n".encode() if size > 100 else b""
    assert log == kept + note
    assert one.log.dropped_bytes == max(0, size - 100)


def test_a_limit_of_nothing_keeps_the_record_alone(tmp_path):
    one, log = captured(tmp_path, ("stdout", b"abc"), limit=0)
    assert one.output == "abc"
    assert log == b"\n[defer: 3 further bytes were not kept]\n"


def test_the_record_keeps_the_first_64_kib(tmp_path):
    one, _ = captured(tmp_path, *[("stdout", bytes([97 + number]) * 30_000) for number in range(4)])
    assert one.output == "a" * 30_000 + "b" * 30_000 + "c" * 5536
    assert one.stdout_bytes == 120_000


def test_secrets_are_masked_in_log_record_and_error_alike(tmp_path):
    one, log = captured(
        tmp_path, ("stdout", b"s3c"), ("stderr", b"x\ns3cr3t!"), ("stdout", b"r3t"), secrets=[b"s3cr3t"]
    )
    assert b"s3cr3t" not in log
    assert (one.output, one.last_words) == ("[masked]", "[masked]!")


@pytest.mark.parametrize(
    "taken",
    [
        [("stdout", b"s3cx"), ("stderr", b"r3t")],
        [("stderr", b"s3cx"), ("stdout", b"r3t")],
        [("stdout", b"s3c"), ("stderr", b"r3t"), ("stdout", b"."), ("stderr", b"r3t")],
        [("stdout", b"s3"), ("stdout", b"cx"), ("stderr", b"r"), ("stderr", b"3t")],
        [("stdout", b"abc"), ("stderr", b"abc")],
    ],
)
def test_halves_that_meet_in_the_log_are_masked_there(tmp_path, taken):
    _, log = captured(tmp_path, *taken, secrets=[b"s3cr3t", b"abcabc", b"xyz"])
    assert not [one for one in (b"s3cr3t", b"abcabc") if one in log]


SECRETS = st.lists(st.text("XYZ", min_size=2, max_size=5).map(str.encode), max_size=3)
PIECES = st.lists(st.tuples(st.sampled_from(STREAMS), st.text("XYZ.", max_size=4).map(str.encode)), max_size=12)


@given(SECRETS, PIECES, st.sets(st.integers(0, 11)))
def test_whatever_comes_in_turn_no_secret_stands_in_the_log(secrets, pieces, deaths):
    """``deaths``: before which pieces another process goes on with the log."""
    with tempfile.TemporaryFile() as file:
        one = Capture(Log(file.fileno(), 1000), Masker(secrets))
        for number, (stream, piece) in enumerate(pieces):
            if number in deaths:
                one = Capture(Log(file.fileno(), 1000), Masker(secrets), one.held)
            one.take(stream, piece)
        whole = Capture(Log(os.dup(file.fileno()), 1000), Masker(secrets), one.held)
        whole.finish()
        file.seek(0)
        log = file.read()
    parts = log.split(MASK)
    assert not [secret for secret in secrets for part in parts if secret in part]
    if (
        not any(secret in b"".join(piece for _, piece in pieces) for secret in secrets)
        and len({s for s, _ in pieces}) < 2
    ):
        assert log == b"".join(piece for _, piece in pieces)


def test_a_half_that_another_beginning_let_out_is_masked_when_the_other_stream_completes_it(tmp_path):
    _, log = captured(tmp_path, ("stdout", b"s3cx"), ("stderr", b"r3t"), secrets=[b"s3cr3t", b"xyz"])
    assert log == b"[masked]x"


def test_what_a_full_log_held_back_is_counted(tmp_path):
    one, log = captured(
        tmp_path, ("stdout", b"x" * 98 + b"s3cq"), ("stderr", b"y" * 10), secrets=[b"s3cr3t", b"qq"], limit=98
    )
    assert log == b"x" * 98 + b"\n[defer: 14 further bytes were not kept]\n"
    assert one.output == "x" * 98 + "s3cq"


def test_a_short_secret_does_not_mask_the_mask(tmp_path):
    one, log = captured(tmp_path, ("stdout", b"a mask"), secrets=[b"a", b"ask"])
    assert (log, one.output) == (b"[masked] m[masked]", "[masked] m[masked]")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (b"one\ntwo\n\n  \n", "two"),
        (b"progress 1%\rprogress 100%\r", "progress 100%"),
        (b"\xff\xfe broken", "�� broken"),
        (b"x" * 5000, "x" * 500),
        ("é".encode() * 3000, "é" * 500),
    ],
)
def test_the_error_is_the_last_line_of_stderr(tmp_path, said, line):
    one, _ = captured(tmp_path, ("stdout", b"not this"), ("stderr", said))
    assert one.last_words == line


@pytest.mark.parametrize("silent", [b"", b"\n \t\n", b"\x1b[0m\n\x1b[?25h\x1b[K\r\n"])
def test_the_error_is_the_last_line_of_stdout_where_stderr_says_nothing(tmp_path, silent):
    one, _ = captured(tmp_path, ("stdout", b"one\ntwo\n"), ("stderr", silent))
    assert one.last_words == "two"


def test_nothing_printed_is_no_error_line(tmp_path):
    assert captured(tmp_path)[0].last_words == ""


def test_control_characters_of_the_error_are_shown(tmp_path):
    one, _ = captured(tmp_path, ("stderr", b"\x1b[31mred\x1b[0m\ta\0b\x7f\xc2\x9bc\n"))
    assert one.last_words == r"\x1b[31mred\x1b[0m a\x00b\x7f\x9bc"
    one, _ = captured(
        tmp_path, ("stderr", "cannot read photo\u202egnp.sh\U000e0041 of \U0001f469\u200d\U0001f469\n".encode())
    )
    assert one.last_words == "cannot read photo\\u202egnp.sh\\U000e0041 of \U0001f469\u200d\U0001f469"


def test_a_log_that_cannot_be_made_loses_output_and_nothing_else(tmp_path):
    (tmp_path / "a").write_text("a file where a directory belongs")
    one = Capture(Log.create(tmp_path / "a" / "run.log", 100), Masker([]))
    one.take("stdout", b"abc")
    one.finish()
    assert (one.output, one.log.error) == ("abc", "Not a directory")


def test_a_log_that_is_there_already_is_not_written_to(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.log").write_text("somebody's")
    one, log = captured(tmp_path, ("stdout", b"abc"))
    assert log == b"somebody's"
    assert one.log.error == "File exists"
