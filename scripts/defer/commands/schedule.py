"""The face of `schedule`: flags or a line in words become a request; the answer becomes the echo."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from defer import exits, homedir, instants, say, visible
from defer.errors import EXIT_OK, About, BadInput, Refused, StorageError
from defer.record import task
from defer.record.codec import Task
from defer.scheduling import advice
from defer.scheduling.add import is_new
from defer.scheduling.plan import Plan, Request, check_texts
from defer.store import places

from . import glance, output

if TYPE_CHECKING:
    from argparse import Namespace
    from datetime import datetime

    from defer.client import Client
    from defer.record.types import Context, Reorient
    from defer.settings.config import Config
    from defer.timeparse import Reading

_MARK = "::defer"
_EXAMPLE = "for example: defer 30m resume the review"
_PROMPT_LIMIT = 1 << 20
_AS_GIVEN = (
    "tz",
    "timeout",
    "executor",
    "command",
    "workspace",
    "expires",
    "times",
    "until",
    "jitter",
    "catch_up",
    "overlap",
    "notify",
    "model",
    "max_cost",
    "max_turns",
    "condition",
    "check",
)
"""The flags that are fields of a request as they stand."""


class _Line(NamedTuple):
    """What a line in words says, or the flags in its place."""

    when: str | None
    summary: str | None
    reading: Reading | None = None


def schedule(connect: Callable[[], Client], argv: list[str]) -> int:
    """Schedule one task from arguments; prints it."""
    args, line = _parse(argv)
    client = connect()
    client.config.check()
    now = client.clock()
    with as_said(args):
        planned = client.plan(_request(args, line, client.config, now), now)
    shown = (_rehearsed if args.dry_run else _stored)(client, planned, args.if_exists, now)
    try:
        _print(args, planned, shown, client.config, now)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        stored = "nothing is stored" if args.dry_run else f"the task is stored, as {shown['id']}"
        raise StorageError(f"{error.strerror}: standard output ({stored})") from None
    return EXIT_OK


def _stored(client: Client, planned: Plan, if_exists: str, now: datetime) -> Task:
    """The record as the store has it; warns of what its user should know."""
    (stored,) = client.add([planned], if_exists, now)
    doubts = [*advice.doubts(stored, client.config), *places.doubts(client.config)]
    doubts += advice.of_channels(client.config)
    for warning in [*doubts, *advice.warnings(client.store.markers, now)]:
        exits.warn(warning)
    return stored


def _rehearsed(client: Client, planned: Plan, if_exists: str, now: datetime) -> Task:
    """The record that would be stored. Raises Refused where it would be refused."""
    wanted = planned.task.get("id")
    if wanted is None:
        return {"id": task.made_up_id(now, (), os.urandom), **planned.task}
    if if_exists == "error" and client.store.find(wanted) is not None:
        raise Refused(f"id is taken: {wanted} (choose another, or say --if-exists replace or skip)")
    return planned.task


def _parse(argv: list[str]) -> tuple[Namespace, str]:
    """Flags as given, and a line in words as one text.

    A line is text: what looks like a flag in one quoted argument is not taken for one. As
    separate arguments, what comes after ``--`` is text.
    """
    if argv and argv[0].startswith(_MARK):
        argv = [*filter(None, [argv[0].removeprefix(_MARK).strip()]), *argv[1:]]
        if not argv:
            raise BadInput(f"nothing after {_MARK} ({_EXAMPLE})")
    end = argv.index("--") if "--" in argv else len(argv)
    if argv and not argv[0].startswith("-") and {"-h", "--help"} & set(argv[:end]):
        raise BadInput(f"--help in a line is read as neither: {' '.join(argv)} (put -- before the text, or quote it)")
    args = glance.schedule(argv[:end])
    return args, " ".join([*args.words, *argv[end:]]).strip()


def _request(args: Namespace, line: str, settings: Config, now: datetime) -> Request:
    when, summary, reading = _read_line(args, line, settings, now) if line else _Line(when_given(args), args.summary)
    if when is None:
        raise BadInput(f"no time: --when is missing ({_EXAMPLE})", field="when")
    given, reorient = _context(args, summary, settings)
    return Request(
        when=when,
        reading=reading,
        context=given,
        task_id=args.id,
        intent=args.intent or ("execute_action" if args.command else "resume_task"),
        mode=args.mode or "fresh",
        session=args.session,
        prompt_template=prompt_text(args),
        aura_level=args.aura_level or "low",
        max_retries=args.max_retries or 0,
        reorient=reorient,
        tags=tuple(args.tag or ()),
        concurrent=bool(args.concurrent),
        leave_running=bool(args.leave_running),
        worktree=bool(args.worktree),
        drift=args.drift is not False,
        cwd=said_in(),
        extra={"permissions": permissions_asked(args)} if args.permissions or args.allow else {},
        **{name: getattr(args, name) for name in _AS_GIVEN},
    )


def permissions_asked(args: Namespace) -> Any:
    """What --permissions and --allow ask for: a profile, and commands, which only ``work`` has. Raises BadInput."""
    check_texts({"permissions": args.permissions, "allow": args.allow})
    return {"profile": args.permissions or "work", "allow": args.allow} if args.allow else args.permissions


@contextmanager
def as_said(args: Namespace) -> Iterator[None]:
    """An error of the time names the flag that the time was given with."""
    try:
        yield
    except BadInput as error:
        if error.field == "when":
            error.field = next((name for name in ("every", "cron") if getattr(args, name) is not None), "when")
        raise


def when_given(args: Namespace) -> str | None:
    """The time expression of --when, or that --every or --cron stands for. Raises BadInput."""
    if args.every is not None:
        return f"every {args.every}"
    if args.cron is not None and len(args.cron.split()) != 5 and not args.cron.strip().startswith("@"):
        what = f'--cron takes five fields: {args.cron} (e.g. "0 9 * * 1-5", quoted for the shell)'
        raise BadInput(what, field="cron")
    words: str | None = args.cron or args.when
    return words


def _read_line(args: Namespace, line: str, settings: Config, now: datetime) -> _Line:
    """A line in words, split and read. Raises BadInput."""
    from defer import timeparse

    if args.when or args.every or args.cron:
        what = f"two times: a flag and the line {line} (give one, and the text as --summary)"
        raise BadInput(what, field="when")
    if args.reorient or args.project or args.context_file or args.context_json or args.summary or args.command:
        # The text may come from a flag, so that all of the line may be the time.
        with suppress(timeparse.TimeExpressionError):
            return _Line(line, args.summary, timeparse.parse(line, now, settings.timezone(args.tz)))
    zone = settings.timezone(args.tz)
    try:
        when, summary, reading = timeparse.split_line(line, now, zone)
    except timeparse.TimeExpressionError as error:
        said = str(error)
        if isinstance(error, timeparse.NoTimeFirst):
            from . import mistyped

            said = mistyped.time(line, now, zone, said) or said
        raise BadInput(said, field=error.field or "when") from None
    if args.summary is not None:
        raise BadInput(f"two summaries: --summary and the line's {summary} (give one)", field="summary")
    return _Line(when, summary, reading)


def said_in() -> str | None:
    """The working directory; None if it has been removed."""
    try:
        return os.getcwd()
    except OSError:
        return None


def _context(args: Namespace, said: str | None, settings: Config) -> tuple[Context, Reorient]:
    """The merged context and the ``reorient`` object: the CONTEXT.md first, then JSON, then the flags."""
    given = _context_json(args)
    wanted = args.reorient or args.project is not None or args.context_file is not None
    found = _snapshot(args, settings) if wanted else {}
    artifacts = [_absolute(artifact) for artifact in args.artifact or []]
    flags = {"key_points": args.key_point, "artifacts": artifacts, "constraints": args.constraint}
    lists = {name: [*found.get(name, []), *given.get(name, []), *(flags[name] or [])] for name in task.LISTS}
    summary = said if said is not None else given.get("summary") or found.get("summary") or _first_line(args.command)
    origin = given.get("reoriented_from") or found.get("reoriented_from")
    file = os.path.abspath(args.context_file) if args.context_file else None
    reorient: Reorient = {"requested": bool(wanted), "project": args.project, "explicit_context_file": file}
    merged = {**given, "summary": summary, **lists, "reoriented_from": origin}
    return cast("Context", merged), reorient


def _first_line(command: str | None) -> str | None:
    """What a command is called that has no summary."""
    return next(filter(None, map(str.strip, (command or "").splitlines())), None)


def _context_json(args: Namespace) -> dict[str, Any]:
    if args.context_json is None:
        return {}
    from defer.record import schema

    with About("context_json"):
        parsed = schema.parse_object(args.context_json, "--context-json")
        given: dict[str, Any] = {name: value for name, value in parsed.items() if value is not None}
        schema.check(given, "context", "--context-json")
    return given


def changed_context(args: Namespace, settings: Config) -> tuple[Context, Reorient | None]:
    """The parts of the context that the arguments of `edit` set; and ``reorient``, if it is to be read anew."""
    merged, reorient = _context(args, args.summary, settings)
    flags = {"summary": args.summary, "key_points": args.key_point, "artifacts": args.artifact}
    named = {*_context_json(args), *(name for name, value in flags.items() if value is not None)}
    named |= {"constraints"} if args.constraint is not None else set()
    if reorient["requested"]:
        named |= {name for name, value in merged.items() if value}
    changed = cast("Context", {name: value for name, value in merged.items() if name in named})
    return changed, reorient if reorient["requested"] else None


def _absolute(artifact: str) -> str:
    """An artifact that is a relative path becomes an absolute one; a URL or other text stays as it is."""
    return os.path.abspath(artifact) if os.path.exists(artifact) else artifact


def _snapshot(args: Namespace, settings: Config) -> dict[str, Any]:
    from defer.context import find

    file = Path(args.context_file) if args.context_file else None
    fallback = settings.get("DEFER_CONTEXT_FILE") or None
    cwd = Path(said_in() or "/")
    found = find.snapshot(args.project, file, fallback, lambda: settings.home, cwd, settings.settings_places)
    return dict(found)


def prompt_text(args: Namespace) -> str | None:
    """The prompt of --prompt or --prompt-file, or None. Raises BadInput, StorageError."""
    if args.prompt_file is None:
        template: str | None = args.prompt_template
        return template
    if args.prompt_template is not None:
        what = "two prompts: --prompt and --prompt-file (give one)"
        raise BadInput(what, field="prompt_template")
    with About("prompt_file"):
        return _file_text(args.prompt_file)


def _file_text(named: str) -> str:
    """The text of a prompt's file; ``-`` is standard input. Raises BadInput."""
    try:
        with open(0 if named == "-" else named, "rb", closefd=named != "-") as file:
            if homedir.is_settings_file(os.fstat(file.fileno()), homedir.settings_places(os.environ)):
                raise BadInput(f"the prompt is the settings file, which may hold secrets: {named} (name another)")
            raw = file.read(_PROMPT_LIMIT + 1)
    except OSError as error:
        raise BadInput(f"{error.strerror}: {named} (give a file that can be read)") from None
    if len(raw) > _PROMPT_LIMIT:
        raise BadInput(f"the prompt is larger than {_PROMPT_LIMIT} bytes: {named} (name it with --artifact)")
    try:
        return raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadInput(f"the prompt is not valid UTF-8: {named} at byte {error.start} (convert it)") from None


def _print(args: Namespace, planned: Plan, shown: Task, config: Config, now: datetime) -> None:
    if args.json:
        understood = {**planned.understood(now), "appears": advice.appears(shown, config)}
        output.print_object({**task.shown(shown), "understood": understood}, compact=False)
    elif output.is_for_people(args):
        said = say.moment(instants.from_text(shown["run_at"]), planned.zone, now)
        will = "would run" if args.dry_run else "runs"
        if not is_new(shown, planned):
            will = "was there already and runs"
        if task.is_recurring(shown):
            said = _with_rule(shown, said)
        summary = visible.sentence(output.summary_of(shown), 100)
        output.say(f"“{summary}” {will} {said}, as {shown['id']}.", *_said_of_places(advice.appears(shown, config)))
        output.say(*output.notes(planned.notes, said))
    else:
        output.warn_of(planned.notes)
        output.print_object(task.shown(shown), args.compact)


def _said_of_places(appears: list[str] | None) -> list[str]:
    if appears is None:
        return []
    if not appears:
        return ["It has nothing to execute, and nobody is told of it (--notify never)."]
    from defer.notices import places

    return [f"It will appear {places.said(appears)}."]


def _with_rule(shown: Task, said: str) -> str:
    from defer.record import occurrences

    return said if occurrences.unreadable(shown) else f"{occurrences.rule(shown).describe()}, first {said}"
