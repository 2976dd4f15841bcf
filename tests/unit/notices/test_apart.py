"""Work that may hang, done apart."""

import os
import time

from defer.notices import apart
from defer.notices.apart import Done, Job
from defer.notices.channels.undelivered import Undelivered
from support import DEADLINE_SECONDS


def refuse(why: str, after: float | None = None):
    def do() -> None:
        raise Undelivered(why, after)

    return do


def all_done(*rows: list[Job], seconds: float = DEADLINE_SECONDS) -> list[Done]:
    return [one for some in apart.do(rows, seconds, lambda text: text.replace("secret", "[masked]")) for one in some]


def test_the_jobs_of_a_row_are_done_in_order_and_each_is_told_of():
    row = [Job(1, lambda: None), Job(2, refuse("no, secret", 30.0)), Job(3, lambda: 1 / 0), Job(4, lambda: None)]
    assert all_done(row) == [
        Done(1, None),
        Done(2, "no, [masked]", 30.0),
        Done(3, "it broke off: ZeroDivisionError"),
        Done(4, None),
    ]


def test_nothing_to_do_is_done():
    assert all_done([], []) == []


def test_a_row_that_hangs_ends_and_no_other_waits_for_it():
    hanging = [Job("a", lambda: None), Job("b", lambda: time.sleep(3600)), Job("c", lambda: None)]
    for seconds in (0.5, 5.0, 50.0):
        found = all_done(hanging, [Job("d", lambda: None)], seconds=seconds)
        if {Done("a", None), Done("d", None)} <= set(found):  # a busy machine may need longer for what does not hang
            break
    assert sorted(found) == [Done("a", None), Done("b", "there was no answer in time"), Done("d", None)]
    assert found[-1].about == "b"


def test_a_child_that_dies_has_failed_at_what_it_was_at():
    assert all_done([Job("a", lambda: None), Job("b", lambda: os._exit(3)), Job("c", lambda: None)]) == [
        Done("a", None),
        Done("b", "it broke off"),
    ]


def test_who_stops_listening_leaves_no_child():
    reader, writer = os.pipe()
    rows = apart.do([[Job("a", lambda: None), Job("b", lambda: time.sleep(3600))]], DEADLINE_SECONDS, str)
    assert next(rows) == [Done("a", None)]
    os.close(writer)
    rows.close()
    # Its copy of the other end is gone with it.
    assert os.read(reader, 1) == b""
    os.close(reader)
