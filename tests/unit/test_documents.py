"""Documents that cannot fall behind the code: lists are equal, examples valid, links good, commands run.

A block of README and of the pages in ``TYPED`` is run as it stands, in a throw-away home, by the section
it is in: ``sh`` blocks through a pipe, or on a terminal if a block ``text shown`` follows with what they
print there; ``console`` blocks, which hold commands and what each prints, on a terminal too.
"""

from __future__ import annotations

import ast
import fcntl
import itertools
import json
import os
import pty
import re
import struct
import subprocess
import termios
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import test_house
from jsonschema import Draft202012Validator

from defer import errors
from defer.commands import ALIASES, fileflags, keepflags, lookflags
from defer.commands import flags as arguments
from defer.executors import profiles, registry, resultfile
from defer.executors.agents.base import Cannot, Wishes
from defer.record import outcome, task
from defer.settings import config
from defer.settings import format as settings
from defer.settings.variables import VARIABLES
from support import ROOT, share_environment, slow_but

README = ROOT / "README.md"
COMMANDS = ROOT / "docs" / "commands.md"
SETTINGS = ROOT / "docs" / "settings.md"
CONTRACT = ROOT / "references" / "executor-contract.md"
# The pages whose commands are typed here; those of other pages are typed by the tests of their modules.
TYPED = (README, COMMANDS, CONTRACT)
PACKAGE = ROOT / "scripts" / "defer"
SCHEMA = json.loads((ROOT / "references" / "task.schema.json").read_text())
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "references/*.md", "reorient/*.md", "examples/**/*.md", ".env.example")
    for path in ROOT.glob(pattern)
)
MARKDOWN = [path for path in DOCUMENTS if path.suffix == ".md"]


class Block(NamedTuple):
    """A fenced block: its language and marks, its text, the comment in front, the section it is in."""

    language: str
    marks: list[str]
    text: str
    comment: str
    section: str
    line: int


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path) -> list[Block]:
    found: list[Block] = []
    section = fence = comment = ""
    marks: list[str] = []
    body: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if fence:
            if line.strip() == fence:
                text = "".join(f"{one}\n" for one in body)
                found.append(Block(marks[0], marks[1:], text, comment, section, number - len(body)))
                fence = comment = ""
            else:
                body.append(line)
        elif opening := re.fullmatch(r"\s*(```+)(.*)", line):
            fence, marks, body = opening[1], opening[2].split() or [""], []
        elif heading := re.fullmatch(r"##? (.+)", line):
            section, comment = heading[1], ""
        elif line.strip():
            comment = line.strip() if line.strip().startswith("<!--") else ""
    assert not fence, f"{name_of(path)}: a block is not closed"
    return found


def without_blocks(path: Path) -> str:
    return re.sub(r"^(```+).*?^\1$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def table_under(heading: str, path: Path) -> list[list[str]]:
    """The cells of the table rows under a heading, without the table's head."""
    part = re.split(r"^#+ ", without_blocks(path), flags=re.MULTILINE)
    (text,) = (one for one in part if one.startswith(heading + "\n"))
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = [re.split(r"(?<!\\)\|", row.strip().strip("|")) for row in rows]
    return [[cell.strip() for cell in row] for row in cells if not re.fullmatch(r"[-| ]+", "".join(row))][1:]


def code_in(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


# The three lists of variables, and other tables that repeat what the code knows.


def test_settings_md_lists_every_variable_with_its_default() -> None:
    rows = [row for row in table_under("Settings", SETTINGS) if row[0].startswith("`DEFER_")]
    assert {code_in(row[0])[0]: "".join(code_in(row[1])) for row in rows} == VARIABLES
    assert all(row[2] for row in rows)


def test_env_example_lists_every_variable_with_its_default_and_a_line_about_it() -> None:
    paragraphs = (ROOT / ".env.example").read_text().rstrip("\n").split("\n\n")[1:]
    while not paragraphs[0].rpartition("\n")[2].startswith("#DEFER_"):
        paragraphs.pop(0)
    found = {}
    for paragraph in paragraphs:
        *said, variable = paragraph.split("\n")
        assert said, variable
        assert all(re.fullmatch(r"# \S.*", line) for line in said), variable
        name, _, default = variable.removeprefix("#").partition("=")
        found[name] = default
    assert found == VARIABLES


def test_env_example_changes_nothing_until_a_line_is_uncommented(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text()
    assert settings.parse(text, ".env.example") == {}
    numbers = [line for line in text.splitlines() if re.fullmatch(r"#DEFER_\w+=[0-9]+", line)]
    assert len(numbers) == sum(value.isdigit() for value in VARIABLES.values())
    (tmp_path / "env").write_text("".join(f"{line[1:]}\n" for line in numbers))
    plain = config.Config({"HOME": str(tmp_path)}, {}, None)
    written = config.load({"HOME": str(tmp_path), "DEFER_ENV_FILE": str(tmp_path / "env")})
    for name in ("backoff", "timeout_seconds", "kill_grace_seconds", "max_parallel", "output_limit_bytes"):
        assert getattr(written, name) == getattr(plain, name), name


def test_defaults_are_what_the_tables_say(tmp_path: Path) -> None:
    plain = config.Config({"HOME": str(tmp_path)}, {}, None)
    known = {"DEFER_RUNTIME_DIR": plain.runtime_dir, "DEFER_LOG_DIR": plain.log_dir}
    for name, actual in {
        **known,
        "DEFER_TASKS_FILE": plain.tasks_file,
        "DEFER_ARCHIVE_DIR": plain.archive_dir,
        "DEFER_LOG_FILE": plain.log_file,
    }.items():
        said = VARIABLES[name].replace("~", str(tmp_path))
        for variable, value in known.items():
            said = said.replace(f"${variable}", str(value))
        assert str(actual) == os.path.realpath(said), name


def test_exit_codes_are_those_of_the_code() -> None:
    said = {int(row[0]) for row in table_under("Exit status", COMMANDS)}
    assert said == {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    help_text = arguments.schedule().format_help()
    listed = re.search(r"exit status:(.*)", help_text)
    assert listed
    assert {int(number) for number in re.findall(r"\d+", listed[1])} == said


def test_executor_exit_codes_are_those_of_the_code() -> None:
    rows = [row for row in table_under("What it gives back", CONTRACT) if len(row) == 3]
    followed = {row[0]: row[2] for row in rows if "`" not in row[0] and row[0] != "key"}
    assert followed.keys() == {"0", "75", "77", "78", "any other, or a signal"}
    for code in (75, 77, 78, 3):
        kind = outcome.error_type_of(code)
        final = kind in (outcome.PERMISSION_BLOCKED, outcome.CONFIG_ERROR)
        said = followed.get(str(code), followed["any other, or a signal"])
        assert ("never retried" in said) == final, code
        assert ("tried again" in said) != final, code


def test_lifecycle_names_every_state_and_every_kind_of_error() -> None:
    path = ROOT / "docs" / "lifecycle.md"
    assert {code_in(row[0])[0] for row in table_under("Runs", path)} == set(outcome.ERROR_TYPES)
    reached = {code_in(row[1])[0] for row in table_under("Transitions", path)}
    assert reached == set(task.STATUSES)


# The functions that make an event, each with the place of the action among its arguments. In what they are
# called with, an action is a text or one of two.
AUDITS = {"Event": 1, "of_run": 0, "failing": 0, "met": 0, "_report": 0, "do": 0, "_change": 0}


def called(node: ast.Call) -> str:
    return (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )


def test_lifecycle_names_every_action_of_the_audit_log() -> None:
    said = (ROOT / "docs" / "lifecycle.md").read_text().partition("## In the audit log")[2]
    written = {
        text.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and len(node.args) > AUDITS.get(called(node), len(node.args))
        for place in [node.args[AUDITS[called(node)]]]
        for text in (place, *(vars(place).get(branch) for branch in ("body", "orelse")))
        if isinstance(text, ast.Constant)
    }
    # The runner writes the status of what has ended by itself; what is skipped ends with another occurrence.
    assert written | set(task.ENDED) - {task.SKIPPED} == set(code_in(said))


MODULE_KINDS = ("pure", "effects", "use case", "face")


def described_modules() -> list[tuple[str, str, str]]:
    """The rows of docs/architecture.md, "Rooms": module, kind, what it holds."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    rooms = text.partition("## Rooms")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([\w/]+)` \| ([a-z ]+) \| (.+) \|$", rooms, re.MULTILINE)


def test_architecture_says_what_every_module_is_for() -> None:
    said = [name for name, _, _ in described_modules()]
    assert len(said) == len(set(said))
    paths = [path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent == PACKAGE]
    modules = {path.relative_to(PACKAGE).with_suffix("").as_posix() for path in paths}
    assert modules - set(said) == set(), "give these a line"
    assert set(said) - modules == set(), "these are not there"


def test_architecture_gives_every_module_a_kind_it_can_be_of() -> None:
    """Going by what it imports: nothing of a later kind, and nothing impure in what is pure."""
    kinds = {name.replace("/", "."): MODULE_KINDS.index(kind) for name, kind, _ in described_modules()}
    designed = {room: number for room, number in test_house.DESIGNED.items() if room in kinds}
    assert {room: kinds[room] for room in designed} == designed
    for room, kind in kinds.items():
        path = test_house.path_of(room)
        assert {below for below in test_house.rooms(path) - {room} if kinds[below] > kind} == set(), room
        assert kind >= test_house.lowest_floor(path), room


def test_architecture_says_where_the_flat_modules_are_now() -> None:
    said = (ROOT / "docs" / "architecture.md").read_text().partition("### Where the flat")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?:`([\w/]+)/`|the package itself) \| (.+) \|$", said, re.MULTILINE)
    assert len(rows) == 13
    for folder, names in rows:
        for one in names.split(", "):
            for name in re.findall(r"`(\w+)`", one.partition(" → ")[2] or one):
                assert (PACKAGE / folder / f"{name}.py").is_file(), f"{folder}/{name}"


def test_architecture_has_the_floors_of_the_house() -> None:
    said = (ROOT / "docs" / "architecture.md").read_text().partition("| floor |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| [a-z ]+ \| (.+) \|$", said, re.MULTILINE)
    floors = [" ".join(one.strip("`/") for one in row.split()) for row in rows]
    assert floors == [*reversed(test_house.FLOORS)]


# Flags


def test_commands_md_lists_every_option_of_schedule() -> None:
    said = [flag for row in table_under("Options of `schedule`", COMMANDS) for flag in re.findall(r"--[a-z-]+", row[0])]
    assert len(said) == len(set(said))
    assert set(said) == set(arguments.schedule().flags()) - {"--help"}


def test_choices_and_defaults_of_options_are_those_of_the_code() -> None:
    rows = {code_in(row[0])[0].split(" ")[0]: row for row in table_under("Options of `schedule`", COMMANDS)}
    for flag, choices in {"--intent": task.INTENTS, "--mode": task.MODES, "--aura-level": task.AURA_LEVELS}.items():
        assert rows[flag][0] == f"`{flag} {chr(92) + '|'}`".replace(chr(92) + "|", (chr(92) + "|").join(choices))
        assert rows[flag][2] == f"`{choices[0]}`"


def flags_of_ours() -> set[str]:
    """The flags of every entry."""
    parsers: list[arguments.Parser] = [
        *(arguments.schedule(), arguments.edit(), arguments.reschedule("snooze")),
        *map(arguments.by_id, ("ack", "cancel", "pause", "release", "resume", "run", "uncancel")),
        *(arguments.listing(), arguments.cron(), arguments.doctor()),
        *(arguments.wake(), arguments.attempt(), arguments.archive()),
        *(fileflags.sync_parser(), fileflags.add_parser(), fileflags.by_id_parser("enable")),
        *(fileflags.import_parser(), lookflags.log(), lookflags.history(), lookflags.show(), lookflags.health()),
        *(lookflags.inbox(), keepflags.prune(), keepflags.wait(), lookflags.status()),
    ]
    flags = {flag for parser in parsers for flag in parser.flags()}
    return flags.union({"--version"}, ALIASES, *(flags_in(path) for path in (ROOT / "scripts").glob("*.py")))


def flags_in(path: Path) -> set[str]:
    """The flags that a program's own parser is given, or that stand in its table ``FLAGS``."""
    tree = ast.parse(path.read_text())
    adds = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and called(node) == "add_argument"]
    tables = [node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "FLAGS"]
    texts = [node for part in [*(one.args for one in adds), *([one.value] for one in tables)] for node in part]
    found = [one.value for text in texts for one in ast.walk(text) if isinstance(one, ast.Constant)]
    return {one for one in found if isinstance(one, str) and one.startswith("--")}


# Pages that speak of other programs of the repository too.
PROGRAMS = {
    "docs/architecture.md": ["tests/bench/run.py"],
    "docs/speed.md": ["tests/bench/run.py"],
    "docs/promises.md": ["tests/crash/soak.py", "tests/crash/fuzz_inputs.py"],
    "docs/bugs-found.md": ["tests/crash/soak.py", "tests/crash/fuzz_inputs.py"],
}
# Flags of other people's programs that a page names.
OTHERS = {"docs/agents.md": {"--full-depth"}}
WITH_FLAGS = [
    ROOT / "SKILL.md",
    ROOT / "CHANGELOG.md",
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "references").glob("*.md"),
]


@pytest.mark.parametrize("path", [README, *sorted(WITH_FLAGS)], ids=name_of)
def test_every_flag_that_is_mentioned_exists(path: Path) -> None:
    known = flags_of_ours().union({"--help"}, *(flags_in(ROOT / one) for one in PROGRAMS.get(name_of(path), [])))
    # The commands in task files are of other people's programs.
    text = re.sub(r"^```yaml\n.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    assert mentioned - known == OTHERS.get(name_of(path), set())


def test_flags_are_read_from_their_programs() -> None:
    assert {"--quick", "--only"} <= flags_in(ROOT / "tests" / "bench" / "run.py")
    assert flags_in(ROOT / "scripts" / "time_utils.py") == {"--now", "--tz", "--count"}
    assert not {"--quick", "--every-day"} & flags_of_ours()


# Examples of records

KINDS = ("task", "context", "run", "result-file")


EXAMPLES = {f"{name_of(path)}:{one.line}": one for path in MARKDOWN for one in blocks(path) if one.language == "json"}


def kind_of(block: Block, value: object) -> str | None:
    if block.marks:
        return block.marks[0]
    keys = value.keys() if isinstance(value, dict) else set()
    if "type" in keys and "intent" in keys:
        return "task"
    return "run" if {"run_id", "task_id"} <= keys else None


def problems(value: object, kind: str) -> list[str]:
    if kind == "result-file":
        said = resultfile.load(json.dumps(value).encode())
        _, complaint = resultfile.read(said, datetime.now(UTC))
        unread = said.keys() - set(resultfile.Result._fields)
        return [*filter(None, [complaint]), *(f"a key that nobody reads: {key}" for key in unread)]
    schema = SCHEMA if kind == "task" else {"$ref": f"#/$defs/{kind}", "$defs": SCHEMA["$defs"]}
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize("place", EXAMPLES)
def test_json_examples_are_valid(place: str) -> None:
    block = EXAMPLES[place]
    value = json.loads(block.text)
    kind = kind_of(block, value)
    if kind is not None:
        assert kind in KINDS, "a mark that nobody knows"
        assert problems(value, kind) == []


def test_json_examples_of_each_kind_are_there_and_a_wrong_one_is_seen() -> None:
    found = {kind_of(block, json.loads(block.text)) for block in EXAMPLES.values()}
    assert {"task", "context", "run"} <= found
    assert problems({"summary": 3}, "context") == ["$.summary: 3 is not of type 'string'"]
    assert problems({"type": "deferred_task"}, "task")
    assert problems({"run_id": "r"}, "run")
    assert problems({"summmary": "x"}, "result-file")


def test_task_schema_md_names_every_field_of_the_schema() -> None:
    text = (ROOT / "references" / "task-schema.md").read_text()
    said = {word.rpartition(".")[2] for words in re.findall(r"`([a-z_. ]+)`", text) for word in words.split()}
    part = SCHEMA["$defs"]
    fields = {*SCHEMA["properties"], *part["context"]["properties"], *part["result"]["properties"]}
    fields |= {*part["run"]["properties"], *part["run_under_way"]["properties"]}
    assert fields - said == set()
    assert set(part["error_type"]["enum"]) == set(outcome.ERROR_TYPES)
    assert set(SCHEMA["properties"]["status"]["enum"]) == set(task.STATUSES)


# Links and paths


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", without_blocks(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_relative_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(path)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.exists(), f"{target}: not there"
        assert found.is_relative_to(ROOT), f"{target}: outside of the repository"
        assert not anchor or anchor in anchors(found), f"{target}: no such heading"


def pages_linked(path: Path) -> set[Path]:
    targets = re.findall(r"\]\(([^)#\s]+\.md)[^)\s]*\)", without_blocks(path))
    return {(path.parent / target).resolve() for target in targets if ":" not in target}


def test_every_page_is_two_clicks_from_the_readme() -> None:
    once = pages_linked(README)
    twice = once.union(*map(pages_linked, once))
    pages = {path for path in MARKDOWN if path.parent in (ROOT, ROOT / "docs", ROOT / "references")} - {README}
    assert sorted(name_of(path) for path in pages if path.resolve() not in twice) == []


# `you` and `me` stand for whoever reads.
OF_A_MACHINE = re.compile(
    r"(?<![\w~.])/(?:(?:home|Users)/(?!(?:you|me)\b)\w+|root\b|(?:private/)?tmp/\w|mnt/\w)|\b[A-Z]:\\"
)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_no_path_of_a_machine(path: Path) -> None:
    assert OF_A_MACHINE.findall(path.read_text()) == []


def test_a_path_of_a_machine_would_be_seen() -> None:
    assert OF_A_MACHINE.search("see /home/ada/defer")
    assert not OF_A_MACHINE.search("see /home/you/defer, ~/defer, data/tmp/x")


# Commands

FAKE_CRONTAB = """\
#!/bin/sh
case $1 in
-l) [ -e "$HOME/crontab" ] || { echo "no crontab for you" >&2; exit 1; }; exec cat "$HOME/crontab" ;;
-r) exec rm "$HOME/crontab" ;;
-) exec cat >"$HOME/crontab" ;;
esac
"""


class Reader:
    """Somebody who follows README: a home that holds nothing, a clone, a crontab of their own."""

    def __init__(self, base: Path) -> None:
        self.home, self.clone, programs = base / "home", base / "clone", base / "bin"
        for directory in (self.home / ".config" / "defer", self.clone, programs):
            directory.mkdir(parents=True)
        # An empty settings file of their own, so that nobody's `.env` beside the code is read.
        (self.home / ".config" / "defer" / "env").touch(0o600)
        for entry in ROOT.iterdir():
            (self.clone / entry.name).symlink_to(entry)
        # Where this clone lies in a place that does not last, `waker install` makes a copy.
        share_environment(self.home / ".local" / "share")
        (programs / "crontab").write_text(FAKE_CRONTAB)
        (programs / "crontab").chmod(0o755)
        # What `make install` does; that block would otherwise have to stand before each other one.
        (programs / "defer").symlink_to(ROOT / "scripts" / "schedule-task.sh")
        path = f"{programs}:{os.environ['PATH']}"
        self.environment = {**os.environ, "HOME": str(self.home), "PATH": path, "TERM": "xterm", "COLUMNS": "120"}

    def run(self, script: str) -> None:
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command, cwd=self.clone, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def type(self, command: str) -> str:
        """Run a command on a terminal of 120 columns: what it shows, colours taken out."""
        screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=self.clone,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        shown = b""
        while piece := read_terminal(screen):
            shown += piece
        os.close(screen)
        assert process.wait() == 0, shown.decode()
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", shown.decode().replace("\r\n", "\n"))


def read_terminal(screen: int) -> bytes:
    try:
        return os.read(screen, 4096)
    except OSError:  # EIO is how Linux says that nobody writes any more
        return b""


VARYING = {
    r"\x1b\[[0-9;]*m": "",
    r"\b\d+\.\ds\b": "TOOK",
    r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? [^\s,]+( \([^)]* UTC\))?": "MOMENT",
    r"[A-Z][a-z]{2} \d\d [A-Z][a-z]{2} \d\d:\d\d": "WHEN",
    r"task_\d{8}_\d{6}_[0-9a-f]{10}": "TASK",
    r"  [0-9a-f]{10}  ": " SHORT ",
    r"\bok (now|\d+s ago)": "ok JUST",
    r"─+": "─",
    r"[ \t]+": " ",
}


def about(soon: re.Match[str]) -> str:
    """``in 9 minutes 58 seconds`` to the nearest five minutes: some time passes between two commands."""
    seconds = 60 * int(soon["minutes"] or 0) + int(soon["seconds"] or 0)
    return f"in about {5 * round(seconds / 300)} minutes"


def settled(text: str) -> list[str]:
    """Lines of a terminal with what differs from run to run made alike."""
    text = re.sub(r"(?<=, )now(?=,)", "in 0 seconds", text)
    text = re.sub(r"\bin (?:(?P<minutes>\d+)(?: minutes?|m) ?)?(?:(?P<seconds>\d+)(?: seconds?|s))?(?=\W)", about, text)
    for pattern, word in VARYING.items():
        text = re.sub(pattern, word, text)
    return [line.strip() for line in text.strip().split("\n")]


def matches(shown: list[str], expected: list[str]) -> bool:
    """Whether the lines are as expected; ``…`` stands for any text, alone on a line for any lines."""
    pattern = "\n".join(re.escape(line) for line in expected).replace("…", "(?s:.*)") + "\n?"
    return re.fullmatch(pattern, "\n".join(shown)) is not None


def commands(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a console block, each with the lines it shows."""
    parts = re.split(r"^\$ (.+)\n", block.text, flags=re.MULTILINE)
    assert parts[0] == "", "a console block starts with a command"
    return [(command, settled(shown)) for command, shown in zip(parts[1::2], parts[2::2], strict=True)]


def is_shown(block: Block) -> bool:
    return (block.language, block.marks) == ("text", ["shown"])


def runnable(path: Path) -> dict[str, list[Block]]:
    """The blocks with commands, and what they are to show, by section."""
    found: dict[str, list[Block]] = {}
    for block in blocks(path):
        if block.language in ("sh", "console", "bash", "shell") or is_shown(block):
            found.setdefault(block.section, []).append(block)
    return found


def is_not_run(block: Block) -> bool:
    return block.comment.startswith("<!-- not run:")


SECTIONS = {f"{name_of(path)}: {section}": found for path in TYPED for section, found in runnable(path).items()}
EXECUTORS = "references/executor-contract.md: Two to begin with"


@pytest.mark.programs
@pytest.mark.parametrize("section", slow_but(("README.md: A first minute", EXECUTORS), SECTIONS))
def test_commands_of_pages_do_what_they_show(section: str, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    ready = subprocess.run(["bash", ROOT / "scripts" / "schedule-task.sh", "--help"], capture_output=True, text=True)
    assert ready.returncode == 0, ready.stderr
    shown: list[str] = []
    for block, following in zip(SECTIONS[section], [*SECTIONS[section][1:], None], strict=True):
        if is_shown(block):
            assert shown, "nothing in front of it was run on a terminal"
            assert matches(shown, settled(block.text)), "\n".join(shown)
        elif is_not_run(block):
            continue
        elif block.language == "console":
            for command, expected in commands(block):
                shown = settled(reader.type(command))
                assert matches(shown, expected), "\n".join([f"$ {command}", *shown])
        elif following is not None and is_shown(following):
            shown = settled(reader.type(f"set -eu\n{block.text}"))
        else:
            reader.run(block.text)
    if section == EXECUTORS:
        executors_did_what_the_contract_says(reader)
    assert not (ROOT / "data").exists()


def executors_did_what_the_contract_says(reader: Reader) -> None:
    archive = reader.home / "data" / "runtime" / "archive"
    filed = [json.loads(line) for path in archive.iterdir() for line in path.read_text().splitlines()]
    results = {one["id"]: one["result"] for one in filed}
    assert results["review"]["output"].startswith("# Deferred task\n")
    assert "go on with the review" in results["review"]["output"]
    assert results["build"]["output"] == "still missing: build/app"


def test_blocks_that_are_not_run_are_few_and_name_targets_that_exist() -> None:
    skipped = [block for found in SECTIONS.values() for block in found if is_not_run(block)]
    assert len(skipped) == 2
    for block in skipped:
        assert re.fullmatch(r"<!-- not run: .{20,} -->", block.comment)
        for line in block.text.splitlines():
            target = re.fullmatch(r"(?:make ([a-z]+)|(?:uv tool|pipx|pip) install \.)\s+# .+", line)
            assert target, f"{line}: only make targets and installers are left out"
            assert not target[1] or re.search(rf"^{target[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_contributing_names_tests_targets_and_marks_that_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert [path for path in re.findall(r"\btests/[\w/.-]*\w", text) if not (ROOT / path).exists()] == []
    chosen = re.findall(r"pytest (\S+) -k (\w+)$", text, re.MULTILINE)
    assert chosen
    for path, name in chosen:
        assert re.search(rf"^(class|def) \w*{name}\b", (ROOT / path).read_text(), re.MULTILINE), name
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)[` ]", text)) - {*targets} == set()
    marks = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    said = [
        row
        for row in table_under("Set up", ROOT / "CONTRIBUTING.md")
        if row[0] in ("`programs`", "`thorough`", "`slow`")
    ]
    assert [mark.partition(":")[0] for mark in marks] == [code_in(row[0])[0] for row in said]
    assert all(
        f"make {tier}" in said[number][2] for number, tier in ((0, "check"), (1, "check"), (2, "check"), (2, "test"))
    )


def test_the_tiers_leave_no_test_out_and_ci_runs_all_of_them() -> None:
    makefile = (ROOT / "Makefile").read_text()
    recipes = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t.*\n)+)", makefile, re.MULTILINE))
    assert re.search(r"^TIER \?= not slow$", makefile, re.MULTILINE)
    assert '-m "$(TIER)"' in recipes["test-python"]
    assert "-m slow\n" in recipes["test-slow"]
    assert " quick\n" in recipes["check"]
    assert '-m "not slow and not programs and not thorough"' in recipes["quick"]
    at_last = (ROOT / ".ci" / "run").read_text().partition('\nsay "every test under $default"\n')[2]
    assert re.search(r"^ +make test-shell .*\|\| status=\$\?$", at_last, re.MULTILINE)
    assert re.search(r"^make TIER= test-python \|\| status=\$\?$", at_last, re.MULTILINE)
    assert at_last.rstrip().endswith('\nexit "$status"')


def test_every_example_that_can_be_typed_is_of_a_kind_that_is_run() -> None:
    kinds = {block.language for path in TYPED for block in blocks(path)}
    assert kinds == {"sh", "console", "text", "json", "mermaid"}
    assert len(SECTIONS) >= 6


def test_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


@pytest.mark.parametrize("path", [README, ROOT / "docs" / "architecture.md"], ids=name_of)
def test_the_way_of_a_task_is_drawn_the_same_everywhere(path: Path) -> None:
    drawn = [block.text for block in blocks(path) if block.language == "mermaid"]
    assert drawn == [(ROOT / "docs" / "architecture.mermaid").read_text()]


def test_the_way_of_a_task_has_its_stations_in_order() -> None:
    lines = (ROOT / "docs" / "architecture.mermaid").read_text().splitlines()
    assert lines[0].startswith("flowchart ")
    arrow = re.compile(r'  (\w+)\S*(?: .*?)? (?:-- "[^"]+" )?--> (\w+)')
    ways = {(found[1], found[2]) for line in lines[1:] for found in [arrow.match(line)] if found}
    assert len(ways) == len(lines) - 1, "a line that is not an arrow"
    stations = "words record store claim attempt settle archive event notices".split()
    assert set(itertools.pairwise(stations)) <= ways
    assert {("wake", "claim"), ("settle", "store")} <= ways


def test_what_is_not_shown_as_it_is_would_be_seen() -> None:
    assert matches(["a", "b", "c"], ["a", "…"])
    assert matches(["runs MOMENT, now"], ["runs …, now"])
    assert not matches(["a", "b"], ["a"])
    assert not matches(["a"], ["a", "b"])


def test_shipped_executors_are_named_in_readme() -> None:
    text = README.read_text()
    for path in registry.DIRECTORY.iterdir():
        assert f"`--executor {path.name}`" in text


def sections_of(path: Path) -> dict[str, str]:
    """What stands under each heading of the second rank."""
    headed = (one.partition("\n") for one in path.read_text().split("\n## ")[1:])
    return {heading: text for heading, _, text in headed}


@pytest.mark.parametrize("name", registry.AGENTS)
def test_an_agents_section_says_what_it_can_be_held_to(name: str) -> None:
    one, text = registry.SHIPPED[name], sections_of(ROOT / "docs" / "agents.md")[registry.SHIPPED[name].product]
    how, limits, cannot = text.partition("\nLimits: ")[0], *text.partition("\nLimits: ")[2].split("\nIt cannot:\n")
    assert "Install: `npm install -g " in how
    assert all(f"| `{profile}` |" in how for profile in profiles.NAMES) is one.is_bounded
    assert ("- be held to a profile (78)" in cannot) is not one.is_bounded
    assert ("continue a copy of a conversation" in cannot) is ("fork" not in one.enforces)
    said = {(True, True): "cost", (False, True): "tokens, not cost", (False, False): "neither tokens nor cost"}
    words = " ".join(limits.split())
    assert said[one.reports_cost, one.reports_tokens] in words
    assert ("not cost" in words or "nor cost" in words) is not one.reports_cost
    try:
        registry.agent(name).start(Wishes(max_turns=1))
        has_turns = True
    except Cannot:
        has_turns = False
    assert ("`--max-turns`" in cannot) is not has_turns
    assert ("`--max-turns`" in limits) is has_turns


def test_the_licence_is_mit() -> None:
    assert (ROOT / "LICENSE").read_text().startswith("MIT License\n\nCopyright (c) 2026 Defer contributors\n")
