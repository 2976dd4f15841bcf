"""One task file: what it says, checked against ``references/task-file.schema.json``, with errors by line.

The file's name without its suffix is the task's id. An error reads
``file:line: field: what``; a file with several errors has several such lines.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from defer import fsio, homedir, timeparse, visible
from defer.errors import BadInput
from defer.paths import REFERENCES
from defer.record import shapes
from defer.record.variables import OF_ATTEMPT

from . import formats
from .formats import Complaint

SUFFIXES = (".yml", ".yaml", ".json", ".md")
SCHEMA = REFERENCES / "task-file.schema.json"
LIMIT = 1 << 19
"""Bytes of a task file, and of a workflow: half of what a task may have in the store."""

_FORMAT = b"defer task file 1\n"  # changes whenever an unchanged file would mean another task
_VARIABLE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PRIVATE = ("env", "command", "if", "check", "prompt", "ping")  # may hold secrets: messages never quote their values
_LONGEST_SAID = 400
_NULL_COUNTS = ("timeout", "timeoutMs")


class Located(str):
    """A line about one place in a file; ``field`` is the field it is about, ``said`` the line without the place."""

    field: str | None
    said: str


class BadFile(BadInput):
    """A task file that cannot be read; ``lines`` has one for each thing that is wrong, ``field`` is the first's."""

    def __init__(self, lines: list[Located]) -> None:
        text = lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1} more)"
        super().__init__(text, field=lines[0].field)
        self.lines = lines


class TaskFile(NamedTuple):
    """What a file says. ``fields`` are as written, without those that are null."""

    path: Path
    fields: dict[str, Any]
    lines: dict[str, int]
    prompt: str | None
    workflow: str | None
    digest: str
    warnings: tuple[str, ...]

    @property
    def task_id(self) -> str:
        return self.path.stem

    @property
    def schedule(self) -> str:
        """The words or cron fields of its time."""
        return str(self.fields.get("schedule") or self.fields["cron"]).strip()

    @property
    def command(self) -> str | list[str] | None:
        """A text for ``sh -c``, or a program and its arguments."""
        return self.command_in("command")

    def command_in(self, field: str) -> str | list[str] | None:
        """The same of another field."""
        found = self.fields.get(field)
        return [str(word) for word in found] if isinstance(found, list) else found

    @property
    def enabled(self) -> bool:
        return bool(self.fields.get("enabled", True))

    @property
    def timeout_seconds(self) -> float | None:
        """Seconds an attempt may take; 0 means no limit, None what is configured. Raises BadInput."""
        if "timeoutMs" in self.fields:
            milliseconds = self.fields["timeoutMs"]
            return 0 if milliseconds is None else _limit(milliseconds, 1000)
        wanted = self.fields.get("timeout")
        if not isinstance(wanted, str):
            return None if wanted is None else _limit(wanted)
        if wanted.strip().isdecimal():
            # A text with more digits than any limit has is not turned into a number at all.
            return _limit(int(wanted.strip()[:20]))
        no_limit = wanted.strip().lower() == "none"
        return 0 if no_limit else _limit(timeparse.parse_duration(wanted).total_seconds())

    @property
    def sticky_session(self) -> bool:
        """Whether every run continues one conversation."""
        return bool(self.fields.get("sticky_session", self.fields.get("session_mode") == "fixed"))

    @property
    def agent(self) -> str | None:
        return self.text("agent") or self.text("agent_id")

    @property
    def tags(self) -> tuple[str, ...]:
        found = self.fields.get("tags", [])
        return tuple(str(tag) for tag in (found if isinstance(found, list) else [found]))

    def text(self, name: str) -> str | None:
        """A field as text; a plain number in a file is the text it is written as."""
        found = self.fields.get(name)
        return None if found is None else str(found)

    def wrong(self, what: str, field: str | None = None) -> Located:
        """The line that says what is wrong with a field."""
        return located(self.path, what, self.lines.get(field or ""), field)


def _limit(wanted: float, per_second: int = 1) -> float:
    """A number of seconds, from a number of ``per_second`` parts. Raises BadInput for more than can be counted with."""
    if wanted > shapes.MAX_SECONDS * per_second:
        raise BadInput(f"longer than {shapes.MAX_SECONDS:.0f} seconds (say none for no limit)")
    return wanted / per_second


def located(path: Path, what: str, line: int | None = None, field: str | None = None) -> Located:
    """``file:line: field: what``, without the parts that are not known."""
    place = str(path) if line is None else f"{path}:{line}"
    if len(what) > _LONGEST_SAID:
        what = f"{what[: _LONGEST_SAID // 2]} … {what[-_LONGEST_SAID // 2 :]}"
    said = (f"{field}: {what}" if field else what).replace("\n", " ")
    found = Located(f"{place}: {said}".replace("\n", " "))
    found.field, found.said = field, said
    return found


def read(path: Path, limit: int = LIMIT) -> bytes:
    """The bytes of a task file or a workflow. Raises BadFile for one that cannot be read or is too large."""
    try:
        state = fsio.stat(path)
        # Not opened before this check: opening a pipe would wait for its other end.
        if state is not None and not stat.S_ISREG(state.st_mode):
            raise BadFile([located(path, "not a file (put a plain file there)")])
        stream = None if state is None else fsio.reader(path)
        if stream is None:
            raise BadFile([located(path, "no such file")])
        with stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise BadFile([located(path, f"cannot be read: {error.strerror} (check its owner and mode)")]) from None
    if len(raw) > limit:
        raise BadFile([located(path, f"larger than {limit} bytes (put the bulk elsewhere and name it)")])
    return raw


def fingerprint(raw: bytes, workflow: bytes | None) -> str:
    """A fingerprint of a file's content, and of the workflow it names."""
    parts = [raw] if workflow is None else [raw, workflow]
    sizes = " ".join(str(len(part)) for part in parts).encode() + b"\n"
    return hashlib.sha256(_FORMAT + sizes + b"".join(parts)).hexdigest()


def fingerprint_of(path: Path, raw: bytes, workflow: str | None) -> str | None:
    """The same for a file that is known to name ``workflow``; None if that cannot be read any more."""
    try:
        return fingerprint(raw, None if workflow is None else read(path.parent / "workflows" / workflow))
    except BadFile:
        return None


def load(path: Path) -> TaskFile:
    """Read and check one file. Raises BadFile."""
    return describe(path, read(path))


def describe(path: Path, raw: bytes) -> TaskFile:
    """What ``raw``, the content of ``path``, says. Raises BadFile with everything that is wrong."""
    lines: dict[str, int] = {}
    try:
        found = formats.read(path.suffix.lower(), decoded(raw))
        lines = found.lines
        fields = {name: one for name, one in found.values.items() if one is not None or name in _NULL_COUNTS}
        complaints = list(_checked(fields))
        workflow = None if complaints else _workflow(path, fields.get("workflow"))
        task_file = TaskFile(
            path=path,
            fields=fields,
            lines=lines,
            prompt=fields.get("prompt") if workflow is None else _text_of(path, workflow),
            workflow=workflow,
            digest=fingerprint_of(path, raw, workflow) or "",
            warnings=tuple(_warnings(path, fields, lines)),
        )
        complaints = complaints or list(_contradictions(task_file))
    except Complaint as complaint:
        complaints = [complaint]
    if complaints:
        raise BadFile(_by_line(path, complaints, lines))
    return task_file


def _by_line(path: Path, complaints: list[Complaint], lines: dict[str, int]) -> list[Located]:
    """The complaints as text, in the order of the file; what is missing belongs to its first line."""

    def line_of(one: Complaint) -> int | None:
        field = one.field or ""
        known = one.line or lines.get(field) or lines.get(field.partition(".")[0])
        return known or (1 if lines else None)

    ordered = sorted(complaints, key=lambda one: line_of(one) or 0)
    return [located(path, one.what, line_of(one), one.field) for one in ordered]


def decoded(raw: bytes) -> str:
    """The text of a file, without a byte order mark. Raises Complaint where it is not UTF-8."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Complaint("UTF-16 (save it as UTF-8)", 1)
    try:
        return raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise Complaint("not UTF-8 (save it as UTF-8)", raw.count(b"\n", 0, error.start) + 1) from None


def load_schema() -> None:
    """Read the schema now, for a process that may outlive the file."""
    _validator().is_valid({})


@cache
def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema())


def _checked(fields: dict[str, Any]) -> Iterator[Complaint]:
    """What the schema has against the fields, in the schema's own words."""
    seen = set()
    for error in _validator().iter_errors(fields):
        path = [str(part) for part in error.absolute_path]
        if not path:
            yield _of_several(fields, error.schema)
            continue
        field = ".".join(path[:2]) if path[0] == "env" else path[0]
        if field not in seen:
            seen.add(field)
            wanted = _schema()["properties"][path[0]]["x-wanted"]
            yield Complaint(f"must be {wanted}{_shown(path, error)}", None, field)
    for name, value in fields.items():
        if name not in seen and (problem := _unprintable(value)):
            yield Complaint(problem, None, name)


def _of_several(fields: dict[str, Any], rule: dict[str, Any]) -> Complaint:
    """A rule of the schema about several fields: one of them is missing, or two stand together."""
    names = rule["not"]["required"] if "not" in rule else [name for one in rule["oneOf"] for name in one["required"]]
    present = [name for name in names if name in fields]
    if present:
        return Complaint(f"stands beside {present[0]} (keep one)", None, present[1])
    return Complaint(f"missing: {rule['x-wanted']} (write {rule['x-example']})", 1, names[0])


def _shown(path: list[str], error: Any) -> str:
    """The wrong value, if it cannot be a secret and says more than its kind."""
    if path == ["env"] and error.validator == "pattern":
        return f", not the name {ascii(error.instance)[:60]}"
    if path[0] in _PRIVATE or isinstance(error.instance, dict | list):
        return ""
    return f", not {json.dumps(error.instance, ensure_ascii=False)[:60]}"


def _unprintable(value: object) -> str | None:
    """What in a value no file and no argument can carry."""
    if isinstance(value, dict | list):
        inner = [*value, *value.values()] if isinstance(value, dict) else value
        return next(filter(None, map(_unprintable, inner)), None)
    if isinstance(value, str) and "\0" in value:
        return "a NUL character (remove it)"
    if isinstance(value, str) and not visible.has_utf8_form(value):
        return "half of a surrogate pair (write the character itself)"
    return None


def _contradictions(one: TaskFile) -> Iterator[Complaint]:
    """What the schema does not see: two names of one thing that differ, and a duration that is not one."""
    both = {one.text("agent"), one.text("agent_id")} - {None}
    if len(both) == 2:
        yield Complaint("says another agent than the field agent (keep one)", None, "agent_id")
    try:
        _ = one.timeout_seconds
    except BadInput as error:
        yield Complaint(str(error), None, "timeoutMs" if "timeoutMs" in one.fields else "timeout")


def _warnings(path: Path, fields: dict[str, Any], lines: dict[str, int]) -> Iterator[str]:
    known = _schema()["properties"]
    for name in fields:
        if name not in known:
            import difflib

            near = difflib.get_close_matches(name, known, n=1)
            mend = f"did you mean {near[0]}?" if near else "see references/task-files.md"
            yield located(path, f"unknown field, ignored ({mend})", lines.get(name), name)
    env = fields.get("env")
    for name in env if isinstance(env, dict) else ():
        if name in OF_ATTEMPT:
            what, field = "belongs to the attempt, ignored (take it out)", f"env.{name}"
            yield located(path, what, lines.get(field), field)
    mode = fields.get("session_mode", "fixed")
    if mode != "fixed":
        what = "only fixed is known here: each run starts a session of its own (or say sticky_session: true)"
        yield located(path, what, lines.get("session_mode"), "session_mode")


def _workflow(path: Path, named: str | None) -> str | None:
    """The name of a workflow as a path under ``workflows/``. Raises Complaint for one that leads out of there."""
    if named is None:
        return None
    name = named.strip() if named.strip().lower().endswith(".md") else f"{named.strip()}.md"
    folder = Path(os.path.realpath(path.parent / "workflows"))
    # The tasks may be links to files elsewhere: then their workflows may be there too. A folder that leads
    # anywhere else may come from a commit in somebody's repository.
    if not any(folder.is_relative_to(os.path.realpath(where)) for where in (path.parent, path.resolve().parent)):
        raise Complaint(
            f"workflows/ leads out of the folder of the task: {folder} (make it a folder)", None, "workflow"
        )
    target = Path(os.path.realpath(folder / name))
    if os.path.isabs(name) or ".." in Path(name).parts or folder not in target.parents:
        raise Complaint(f"leads out of workflows/: {named} (name a file in there)", None, "workflow")
    if not os.path.isfile(target):
        raise Complaint(f"no such file: {folder}/{name} (write it first)", None, "workflow")
    if homedir.is_settings_file(target.stat(), homedir.settings_places(os.environ)):
        raise Complaint(f"is the settings file, which may hold secrets: {named} (name another)", None, "workflow")
    return name


def _text_of(path: Path, workflow: str) -> str:
    """The text of a workflow. Raises BadFile or Complaint."""
    raw = read(path.parent / "workflows" / workflow)
    try:
        text = decoded(raw).replace("\r\n", "\n").strip("\n").rstrip()
    except Complaint as error:
        raise Complaint(f"{workflow}: {error.what}", None, "workflow") from None
    if not text or (problem := _unprintable(text)):
        raise Complaint(f"{workflow} holds {problem if text else 'no text (write one)'}", None, "workflow")
    return text


def environment(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a file's ``env``, with ``${NAME}`` taken from ``environ``.

    Read from the file each time, since their values are kept nowhere else. Raises BadInput naming a
    variable that is not set, never a value.
    """
    written = load(path).fields.get("env", {})
    return {name: _filled(name, str(text), path, environ) for name, text in written.items()}


def _filled(name: str, text: str, path: Path, environ: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return "${"
        if found[1] not in environ:
            what = f"{path}: env.{name}: {found[1]} is not set (set it where the run gets its environment)"
            raise BadInput(what, field=f"env.{name}")
        return environ[found[1]]

    return _VARIABLE.sub(value, text)
