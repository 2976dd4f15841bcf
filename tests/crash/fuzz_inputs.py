"""Broken inputs for every parser, and what each may answer: ``python tests/crash/fuzz_inputs.py`` (``make fuzz``).

Inputs are made from a small corpus by cutting, doubling, swapping and putting in characters that have
caused trouble before, from a seed that is printed. A parser may give a value or one of its documented
exceptions; where there is a law (a record survives the round trip) it is checked.
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from defer import instants, recurrence, timeparse
from defer.errors import BadInput, DeferError, Refused
from defer.executors import registry, resultfile
from defer.executors import verdict as agentresult
from defer.record import codec, holders, outcome, task, versions
from defer.record.retry import Backoff
from defer.run import prompt
from defer.settings import format as settings
from defer.settings.masking import Masker
from defer.store import holding

NOW = datetime(2026, 4, 8, 16, 35, tzinfo=UTC)
ZONES = [ZoneInfo("UTC"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]
# Characters that mean something to one parser or another, and some that no parser expects.
SALT = [*"0123456789 :/-+.,#\"'\\={}[]()@*%$`~\n\t\r\0\x1b\x7fé٣½ẞİ", "\u2028", "\ud800", "\U0001f600"]

SAID = Path(__file__).resolve().parents[1] / "data" / "time"


def _said(field: str) -> list[str]:
    """What people say, out of the rows that the reader is measured on."""
    rows = [json.loads(line) for path in sorted(SAID.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [row[field] for row in rows if field in row]


TIMES = [
    *("in 30m", "tomorrow 9am", "next friday at 5pm", "2026-12-24T09:00:00+02:00", "first monday of next month"),
    *("half past four", "1d2h30m", "@1767225600", "24.12.2026 17:00", "3 days after tomorrow", "every other friday"),
    *("last friday of december", "feb 29", "PT30M", "2026-W52-4", "an hour and a half", "weekend", "eod", "1730"),
    *("quarter to 4pm", "tonight at 8", "12/24/2026", "in 3 business days", "noon", "every weekday 8:30", "the 15th"),
    *("mondays 9am until dec 24", "every 2 weeks on monday 5 times", "mid january", "9/2027"),
    *_said("expr"),
]
CRONS = [
    *("*/5 * * * *", "0 9 * * 1-5", "0 0 31 * *", "30 2 * 3 0#2", "@daily", "0 0 L * *", "every day at 9am"),
    "15,45 8-18/2 1 jan-jun mon",
    *(text for text in _said("expr") if any(word in text.lower() for word in ("every", "each", "ly", "s ", "* "))),
]
WORDS = "time day week every in at next last 999999999 1e308 -1 am pm * until".split()
RECORD = {
    "id": "task_20260408_163500_4821",
    "ended": [],
    "ended_runs": [],
    "status": "executing",
    "run_at": "2026-04-08T16:45:00Z",
    "created_at": "2026-04-08T16:35:00Z",
    "occurrence": "2026-04-08T16:45:00Z",
    "expires_at": "2026-04-09T00:00:00Z",
    "type": "deferred_task",
    "context": {"summary": "s", "key_points": ["a"], "artifacts": [], "constraints": []},
    "execution": {"mode": "fresh", "prompt_template": "p", "aura_level": "low"},
    "attempts": 1,
    "max_retries": 2,
    "timeout_seconds": 30,
    "started_at": "2026-04-08T16:45:01Z",
    "deferrals": {"total": 0, "in_a_row": 0},
    "run": {"run_id": "r", "runner": {"pid": 2, "start": "1", "boot": "b"}, "deadline_at": "2026-04-08T17:45:00Z"},
}
VALUES = [
    *(None, True, -1, 0, 1e308, 10**30, "", "\0", "\ud800", "2026", "scheduled", "completed", float("nan"), "x" * 3000),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", [], [1], {}, {"pid": "x"}),
]
RESULTS = [
    {"summary": "s", "retry_at": "2026-04-08T18:00:00+02:00", "reschedule": "2h", "session_id": "x"},
    {"usage": {"input_tokens": 1, "output_tokens": 2, "cost_usd": 0.5}, "artifacts": ["a"]},
]
OUTPUTS = [
    (
        '{"type":"result","subtype":"success","is_error":false,"api_error_status":null,"result":"Done.","session_id":'
        '"87c6bab2-6036","total_cost_usd":0.00685,"usage":{"input_tokens":1200,"cache_read_input_tokens":0,'
        '"output_tokens":34},"permission_denials":[{"tool_name":"Bash","tool_input":{"command":"x"}}]}'
    ),
    '{"type":"result","is_error":true,"result":"API Error: 429","api_error_status":429,"errors":["x"]}',
    "Claude AI usage limit reached|1776700800",
    "You've hit your session limit · resets 3:50pm (Asia/Tokyo)",
    (
        '{"type":"thread.started","thread_id":"01a21768-1fa4"}\n{"type":"error","message":"reconnecting 1/5"}\n'
        '{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"Done."}}\n'
        '{"type":"turn.completed","usage":{"input_tokens":1200,"output_tokens":34}}'
    ),
    '{"type":"turn.failed","error":{"message":"You\u2019ve hit your usage limit … or try again in 2 days 17 hours."}}',
    "You've hit your usage limit. Try again at 3:15 PM.",
    (
        '{"type":"init","session_id":"72ecd93b-c995","model":"auto"}\n'
        '{"type":"message","role":"assistant","content":"Done.","delta":true}\n'
        '{"type":"tool_use","tool_name":"run_shell_command","tool_id":"t1","parameters":{"command":"x"}}\n'
        '{"type":"tool_result","tool_id":"t1","status":"error","error":{"type":"policy_violation","message":"no"}}\n'
        '{"type":"result","status":"success","stats":{"input_tokens":1200,"output_tokens":34,"cached":0,"models":'
        '{"m-1":{"output_tokens":34}}}}'
    ),
    (
        '{"type":"result","status":"error","error":{"message":"[API Error: {\\"error\\":{\\"code\\":429}}]"}}\n'
        "Attempt 1 failed with status 503. Retrying\n  status: 429,\nPlease retry in 3h2m1.5s."
    ),
    (
        '{"type":"step_start","sessionID":"ses_de37","part":{"type":"step-start"}}\n'
        '{"type":"tool_use","sessionID":"ses_de37","part":{"tool":"bash","state":{"status":"error","input":{},"error":'
        '"The user rejected permission"}}}\n{"type":"step_finish","sessionID":"ses_de37","part":{"reason":"unknown",'
        '"tokens":{"input":1200,"output":34,"cache":{"read":1,"write":2}},"cost":0.5}}\n'
        '{"type":"error","sessionID":"ses_de37","error":{"name":"APIError","data":{"message":"Overloaded","statusCode":'
        '503,"responseHeaders":{"retry-after":"60"}}}}\nlevel=ERROR session.id=ses_de37 small=false error.error="x"'
    ),
    (
        '{"type":"assistant.message","data":{"content":"Done.","model":"m-1"}}\n'
        '{"type":"tool.execution_start","data":{"toolCallId":"c1","toolName":"bash","arguments":{"command":"x"}}}\n'
        '{"type":"tool.execution_complete","data":{"toolCallId":"c1","success":false,"error":{"code":"denied"}}}\n'
        '{"type":"session.error","data":{"errorType":"rate_limit","message":"no","statusCode":429}}\n'
        '{"type":"result","sessionId":"25f62fe1-3bb9","exitCode":1}'
    ),
    '{"type":"result","subtype":"success","is_error":false,"result":"[API Error: 401 Incorrect API key.]"}',
]
SETTINGS = ["export NAME='a value' # why\nOTHER=plain\n# note\nTHIRD=\"quoted\"\n", "A=1\n\nB=\n", "\ufeffA=b c\r\n"]
LINES = [
    *("30m resume the review", "tomorrow 9am -- call $(rm) home", "3pm EST call", "march release notes"),
    "every day standup",
    *(line.removeprefix("::defer ") for line in _said("line")),
]


def broken(text: str, dice: random.Random) -> str:
    """``text`` after one to five accidents."""
    for _ in range(dice.randrange(1, 6)):
        here, there = sorted((dice.randrange(len(text) + 1), dice.randrange(len(text) + 1)))
        accident = dice.randrange(7)
        if accident == 0:
            text = text[:here] + dice.choice(SALT) + text[here:]
        elif accident == 1:
            text = text[:here] + text[there:]
        elif accident == 2:
            text = text[:there] + text[here:]
        elif accident == 3:
            text = text[:here] + " " + dice.choice(WORDS) + " " + text[here:]
        elif accident == 4:
            text = text[:here] + str(dice.randrange(10 ** dice.randrange(1, 12))) + text[here + 1 :]
        elif accident == 5:
            words = text.split(" ")
            dice.shuffle(words)
            text = " ".join(words)
        else:
            text = text[:here] + text[here:there].swapcase() + text[there:]
    return text[:5000]


def _time(dice: random.Random) -> str:
    text = broken(dice.choice(TIMES), dice)
    zone, now = dice.choice(ZONES), NOW + timedelta(hours=dice.randrange(9000))
    try:
        reading = timeparse.parse(text, now, zone)
    except BadInput:
        pass
    else:
        assert reading.instant >= now - timedelta(seconds=60), "before now"
        assert reading.instant <= now + timedelta(days=3660), "more than ten years ahead"
        assert reading.instant.tzinfo is not None
        assert timeparse.parse(text, now, zone)[:2] == reading[:2], "two answers to one question"
        assert all(note and note.isprintable() for note in reading.notes), "a note of more than one line"
    return text


def _cron(dice: random.Random) -> str:
    text = broken(dice.choice(CRONS), dice)
    try:
        found = recurrence.parse(text, NOW, dice.choice(ZONES))
        first = found.after(NOW)
        second = found.after(first) if first else None
    except BadInput:
        return text
    assert first is None or first > NOW
    assert second is None or second > first
    assert found.describe()
    return text


def _line(dice: random.Random) -> str:
    text = broken(dice.choice(LINES), dice)
    try:
        when, summary, _ = timeparse.split_line(text, NOW, dice.choice(ZONES))
    except BadInput:
        return text
    assert when.strip()
    assert summary.strip()
    return text


def _broken_object(value: dict[str, object], dice: random.Random) -> bytes:
    """A JSON text of an object with a wrong value somewhere, or broken as a text."""
    changed = json.loads(json.dumps(value))
    for _ in range(dice.randrange(3)):
        inside = changed
        while dice.random() < 0.4 and (deeper := [one for one in inside.values() if isinstance(one, dict) and one]):
            inside = dice.choice(deeper)
        inside[dice.choice([*inside, "foreign"])] = copy.deepcopy(dice.choice(VALUES))
    raw = json.dumps(changed, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    return broken(raw.decode("latin-1"), dice).encode("latin-1", "replace") if dice.random() < 0.3 else raw


def _record(dice: random.Random) -> str:
    """What is taken for a record survives the round trip, and everything a wake does with one can be done with it."""
    line = _broken_object(RECORD, dice)
    try:
        one = codec.decode(line)
    except codec.BadLine:
        return repr(line)
    again = codec.encode(one)
    assert again.count(b"\n") == 1
    assert json.dumps(codec.decode(again), sort_keys=True) == json.dumps(one, sort_keys=True)
    _live(one)
    return repr(line)


def _unknown(_lease: object) -> None:
    """A lease of which nothing can be told."""


def _live(one: codec.Task) -> None:
    task.needs_attention_at(one)
    holding.concerns_claim(one, NOW, _unknown)
    if versions.lacking(one):
        return
    task.filed_records(one)
    task.ended_at(one)
    prompt.render(one, 1)
    holders.verdict(one, NOW, _unknown)
    if codec.is_filed(one):
        return
    for ending in (outcome.Outcome("ok"), outcome.Outcome("failed", 1, "ExecutorFailed", "e"), outcome.lost(one)):
        try:
            settled = outcome.settle(one, ending, NOW, Backoff())
        except Refused:
            continue
        codec.decode(codec.encode(settled))


_MASKER = Masker([b"1", b"done", b'"', b"0.25", b"id"])


def _result(dice: random.Random) -> str:
    raw = _broken_object(dice.choice(RESULTS), dice)
    try:
        said, _ = resultfile.read(resultfile.masked(resultfile.load(raw), _MASKER), NOW)
    except resultfile.BadResult:
        return repr(raw)
    if said.retry_at is not None:
        instants.to_text(said.retry_at)
    json.dumps(said.usage, allow_nan=False)
    return repr(raw)


def _agents_output(dice: random.Random) -> str:
    """What an agent's program printed: judged whatever it is, and the runner can use all that is written down of it."""
    text = broken(dice.choice(OUTPUTS), dice)
    for agent in registry.AGENTS:
        reader = registry.agent(agent).reader()
        for line in text.splitlines(keepends=True):
            dice.choice((reader.feed, reader.complain))(line)
        report = reader.report()
        verdict = agentresult.judge(agent, report, dice.choice((0, 1, 137)), NOW, dice.choice(ZONES))
        assert (verdict.exit_code == 0) == (verdict.error is None)
        written = resultfile.with_known(text.encode(errors="surrogatepass"), None, verdict.result, NOW)
        said = resultfile.load(written)
        for key in verdict.result:
            assert said[key] == verdict.result[key]
        _, complaint = resultfile.read(verdict.result, NOW)
        assert complaint in (None, "retry_at is more than ten years ahead")
    return repr(text)


def _settings(dice: random.Random) -> str:
    text = broken(dice.choice(SETTINGS), dice)
    try:
        values = settings.parse(text, "the file")
    except BadInput:
        return repr(text)
    assert all(name.isascii() and name.replace("_", "a").isalnum() for name in values)
    assert not any("\0" in value or "\n" in value for value in values.values())
    return repr(text)


PARSERS: dict[str, Callable[[random.Random], str]] = {
    "time expression": _time,
    "recurring expression": _cron,
    "line in words": _line,
    "task record": _record,
    "result file": _result,
    "agent's output": _agents_output,
    "settings file": _settings,
}


def fuzz(name: str, number: int, seed: int) -> None:
    """Give a parser ``number`` inputs; the first that breaks it is in the error's note."""
    for turn in range(number):
        dice = random.Random(f"{seed} {turn}")  # noqa: S311
        try:
            PARSERS[name](dice)
        except DeferError as error:
            error.add_note(f"undocumented here; {name}, seed {seed}, input {turn}")
            raise
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}, input {turn}")
            raise


def main() -> int:
    parser = argparse.ArgumentParser(description="Give every parser a lot of broken inputs.")
    parser.add_argument("--number", type=int, default=1_000_000, help="inputs for each (default: %(default)s)")
    parser.add_argument("--only", choices=sorted(PARSERS), action="append")
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    for name in args.only or PARSERS:
        began = time.monotonic()
        fuzz(name, args.number, seed)
        print(f"{args.number} inputs, nothing unexpected: {name} ({time.monotonic() - began:.0f} s)", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
