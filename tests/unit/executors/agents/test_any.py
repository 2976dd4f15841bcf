"""What holds for the reader of every agent, whatever its program prints."""

import json

import pytest

from defer.executors import registry
from defer.executors.agents.base import Wishes
from support import ROOT, heard

DATA = ROOT / "tests" / "data" / "agents"
ODD = (None, True, 0, -1, 1e300, 10**30, "", "x", "\ud800", [], [1, None], {}, {"a": {}})
EVERY = pytest.mark.parametrize("agent", registry.AGENTS)


def events(agent):
    """An event of each shape that its real program printed in the recorded cases."""
    lines = [line for path in sorted((DATA / agent).glob("*.stdout")) for line in path.read_text().splitlines()]
    return list(
        {shape(event): event for line in lines if line.startswith("{") and (event := json.loads(line))}.values()
    )


def shape(value):
    """What a value looks like, whatever its texts and numbers."""
    if isinstance(value, dict):
        return json.dumps([value.get("type"), *((key, shape(part)) for key, part in sorted(value.items()))])
    return f"[{shape(value[0])}]" if isinstance(value, list) and value else type(value).__name__


def spoilt(value, by):
    """Each way to put something odd in the place of one part of a value."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield {**value, key: by}
            yield {other: one for other, one in value.items() if other != key}
            yield from ({**value, key: other} for other in spoilt(part, by))
    elif isinstance(value, list):
        yield from ([other] for part in value[:2] for other in spoilt(part, by))


def kept(report):
    """That its parts have the types that they say."""
    assert isinstance(report.output, str)
    assert report.failure is None or isinstance(report.failure, str)
    assert report.session_id is None or isinstance(report.session_id, str)
    assert report.model is None or isinstance(report.model, str)
    assert report.http_status is None or isinstance(report.http_status, int)
    assert all(isinstance(name, str) for name in report.denied)
    assert all(value >= 0 for value in (report.usage or {}).values())


@EVERY
def test_an_event_with_something_odd_in_any_place(agent):
    for event in events(agent):
        for odd in ODD:
            reader = registry.agent(agent).reader()
            for one in spoilt(event, odd):
                reader.feed(json.dumps(one) + "\n")
            kept(reader.report())


@EVERY
def test_events_in_any_order(agent):
    lines = [json.dumps(event) for event in events(agent)]
    for start in range(0, len(lines), 7):
        kept(heard(agent, "\n".join([*lines[start:], *lines[:start]][::-1])))


@EVERY
def test_a_line_of_megabytes(agent):
    long = "x" * (3 << 20)
    assert heard(agent, long).output == long
    kept(heard(agent, json.dumps({"type": "result", "result": long, "session_id": long}), long))


@EVERY
def test_output_of_another_shape_is_the_answer_as_it_is(agent):
    printed = 'Done.\n{"type": "news"}\n{"type": "result"\n\ufffd\n'
    assert heard(agent, printed).output == printed


@EVERY
def test_what_comes_from_outside_is_one_word_with_its_flag(agent):
    begin = registry.agent(agent).start(Wishes(model="m-1", session="s-1"))
    named = [word for word in begin.arguments if word.endswith(("m-1", "s-1"))]
    assert len(named) == 2
    for word in named:
        assert "=" in word or begin.arguments[begin.arguments.index(word) - 1] == "--"
