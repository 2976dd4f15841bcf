"""The house rules that a machine can see: floors, sizes, headers, Bash 3.2, locked dependencies."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "scripts" / "defer"
PYTHON = sorted([*(ROOT / "scripts").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])
SOURCES = [path for path in PYTHON if "scripts" in path.relative_to(ROOT).parts]
MODULES = sorted(PACKAGE.rglob("*.py"))
SOURCED = {"common.sh", "leftovers.sh", "say.sh", "where.sh"}
ENTRIES = sorted(path for path in (ROOT / "scripts").glob("*.sh") if path.name not in SOURCED)

# Imports go down only, type-only ones included: a room may import those of its own floor and of the floors below.
# The first part of its dotted name, a folder or a module beside the folders, says where it stands.
FLOORS = (
    "errors instants visible spelling say paths extras homedir exits",
    "fsio syscalls process signals locking trust timegrammar timeparse recurrence",
    "record taskfiles",
    "settings store",
    "executors wakers notices reports context",
    "scheduling",
    "run",
    "client",
    "commands sdk __init__ __main__",
)
STANDS_ON = {name: number for number, names in enumerate(FLOORS) for name in names.split()}

# Within its folder a room is of a kind, and what is pure imports nothing that is not (docs/architecture.md). These
# have theirs by design; every other room is as low as what it imports lets it.
KINDS = {
    "pure": "errors timeparse recurrence record.task record.retry context.snapshot",
    "effects": "settings.config fsio store.jsonl process store.audit",
    "use cases": "scheduling.plan run.wake run.command wakers.cron",
    "face": "commands.cli __init__ __main__",
}
DESIGNED = {room: number for number, names in enumerate(KINDS.values()) for room in names.split()}
# What a pure module would reach the clock, the files or the environment with.
IMPURE = {"io", "os", "random", "secrets", "shutil", "signal", "socket", "subprocess", "tempfile", "time"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path, oldest: tuple[int, int] = (3, 11)) -> ast.Module:
    return ast.parse(path.read_text(), relative(path), feature_version=oldest)


def run_time_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but those that only the type checker sees."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from run_time_nodes(node)


def room_of(path: Path) -> str:
    """A module's name within the package: ``store``, ``timegrammar.zones``."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def path_of(room: str) -> Path:
    return PACKAGE.joinpath(*room.split(".")).with_suffix(".py")


@cache
def imports(path: Path) -> frozenset[str]:
    """The dotted name of every import in the file, wherever it stands; relative ones spelled out."""
    return frozenset(named_imports(path))


def named_imports(path: Path) -> Iterator[str]:
    package = ("defer", *path.parent.relative_to(PACKAGE).parts) if PACKAGE in path.parents else ()
    for node in run_time_nodes(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            # What is imported from a package may be a module of it.
            inside = [f"{module}.{name.name}" for name in node.names]
            yield from (full if path_of(full.removeprefix("defer.")).is_file() else module for full in inside)


@cache
def rooms(path: Path) -> frozenset[str]:
    """The modules of ours that a file imports."""
    ours = {name.removeprefix("defer.") for name in imports(path) if name.startswith("defer.")}
    return frozenset(room for room in ours if path_of(room).is_file())


@cache
def lowest_floor(path: Path) -> int:
    """The lowest floor on which a room can stand, going by what it imports."""
    reached = {name.partition(".")[0] for name in imports(path)} & IMPURE
    return max([1 if reached else 0, *(floor(room) for room in rooms(path) - {room_of(path)})])


@cache
def floor(room: str) -> int:
    return DESIGNED[room] if room in DESIGNED else lowest_floor(path_of(room))


@cache
def every_import(path: Path) -> set[str]:
    """The modules of ours that a file imports, for the type checker alone too."""
    package = ("defer", *path.parent.relative_to(PACKAGE).parts)
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) - node.level + 1]] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            for full in (*(f"{module}.{name.name}" for name in node.names), module):
                if full.startswith("defer.") and path_of(full.removeprefix("defer.")).is_file():
                    found.add(full.removeprefix("defer."))
    return found


def stands_on(room: str) -> int:
    return STANDS_ON[room.partition(".")[0]]


def test_folders_import_from_the_floors_below_alone() -> None:
    rooms_of_ours = [path for path in MODULES if path.name != "__init__.py" or path.parent == PACKAGE]
    upward = {
        (room_of(path), below)
        for path in rooms_of_ours
        for below in every_import(path)
        if stands_on(below) > stands_on(room_of(path))
    }
    assert not upward


STORE_FOR_ALL = {"store.interface", "store.audit", "store.places"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name != "store"], ids=room_of)
def test_only_the_store_knows_what_keeps_it(path: Path) -> None:
    """Commands and runner go by the interface; ``store.open_store`` says which kind of store there is."""
    inner = {room for room in every_import(path) if room.startswith("store.")} - STORE_FOR_ALL
    assert not inner, "ask the interface"


@pytest.mark.parametrize("path", MODULES, ids=room_of)
def test_where_our_files_lie_is_decided_in_one_place(path: Path) -> None:
    """``__main__`` has to find the package before it can import anything of it."""
    assert room_of(path) in ("paths", "__main__") or "__file__" not in names_in(path), "ask paths"


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(node.id for node in ast.walk(parsed(path)) if isinstance(node, ast.Name))


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) in DESIGNED], ids=room_of)
def test_imports_go_down_only(path: Path) -> None:
    above = {room for room in rooms(path) if floor(room) > DESIGNED[room_of(path)]}
    assert not above, "imported from a floor above"
    assert lowest_floor(path) <= DESIGNED[room_of(path)], "the clock, files or the environment on the pure floor"


def test_no_room_imports_itself_in_a_ring() -> None:
    assert ring({room_of(path): every_import(path) - {room_of(path)} for path in MODULES}) == {}


def test_no_folder_imports_itself_in_a_ring() -> None:
    needs: dict[str, set[str]] = {}
    for path in MODULES:
        folder = room_of(path).partition(".")[0]
        if folder not in ("__init__", "__main__"):
            needs.setdefault(folder, set()).update({room.partition(".")[0] for room in every_import(path)} - {folder})
    assert ring(needs) == {}


def ring(needs: dict[str, set[str]]) -> dict[str, set[str]]:
    """Of those who need each other, the ones that stand in a ring, or between two."""
    while True:
        needed = set().union(*needs.values())
        left = {one: below & needs.keys() for one, below in needs.items() if one in needed and below & needs.keys()}
        if left == needs:
            return left
        needs = left


def test_a_ring_is_seen() -> None:
    assert ring({"a": {"b"}, "b": {"c"}, "c": set()}) == {}
    assert ring({"a": {"b"}, "b": {"a"}, "c": {"a"}}) == {"a": {"b"}, "b": {"a"}}


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_python_3_11_can_read_it(path: Path) -> None:
    parsed(path)


@pytest.mark.parametrize(
    "name", ["bootstrap", "pipsettings", "reorient_snapshot", "setupguard", "setupplace", "setupsteps", "time_utils"]
)
def test_an_old_python_can_read_what_gives_way_to_a_newer_one_or_says_that_it_is_old(name: str) -> None:
    parsed(ROOT / "scripts" / f"{name}.py", (3, 6))


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_room_outgrows_its_reader(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    functions = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = {node.name for node in functions if (node.end_lineno or node.lineno) - node.lineno >= 40}
    assert not long, "longer than 40 lines"


@pytest.mark.parametrize("path", ENTRIES, ids=relative)
def test_entries_say_what_they_are(path: Path) -> None:
    lines = path.read_text().splitlines()
    # Not `env bash`: that would be a second program in a wake that has nothing to do.
    assert lines[0] == "#!/bin/bash"
    assert re.fullmatch(r"# Summary: .+\.", lines[1])
    assert lines[2].startswith(f"# Usage: {path.name} ")
    assert "set -euo pipefail" in lines
    assert path.stat().st_mode & 0o111


@pytest.mark.parametrize("path", ENTRIES, ids=relative)
def test_entries_are_thin(path: Path) -> None:
    if path.name != "install.sh":
        assert len(path.read_text().splitlines()) <= 60


def prints(path: Path) -> Iterator[int]:
    """The lines on which something is printed, or written to a standard stream."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "print" or re.fullmatch(r"(sys\.)?(stdout|stderr)(\.buffer)?\.write(lines)?", called):
                yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_text_from_elsewhere_reaches_a_terminal_by_one_way(path: Path) -> None:
    """Answers by ``commands.output``, lines beside them by ``exits``: both show what would be obeyed."""
    is_one = room_of(path) in ("commands.output", "exits")
    assert is_one or not [*prints(path)], "print with output or exits, which show what would be obeyed"


# What Bash 3.2, macOS's own, does not know; each with a line that has it.
NEWER_THAN_BASH_3_2 = {
    "associative array": (r"\b(declare|local|typeset)\s+-\w*A", "declare -A seen"),
    "name reference": (r"\b(declare|local|typeset)\s+-\w*n\b", "local -n target=$1"),
    "global or case attribute": (r"\b(declare|local|typeset)\s+-\w*[glu]\b", "declare -g found=1"),
    "mapfile": (r"\b(mapfile|readarray)\b", "mapfile -t lines <file"),
    "case change": (r"\$\{!?\w+(\[[^]]*\])?(\^|,)", "echo ${name,,}"),
    "parameter transformation": (r"\$\{\w+(\[[^]]*\])?@[A-Za-z]\}", "echo ${name@Q}"),
    "negative length": (r"\$\{\w+:[^}:]*:\s*-", "echo ${name:0:-1}"),
    "negative index": (r"\$\{\w+\[-", "echo ${words[-1]}"),
    "|&": (r"\|&", "make |& cat"),
    "&>>": (r"&>>", "make &>>log"),
    "case fall-through": (r";;&|;&", "a) echo 1 ;;&"),
    "coproc": (r"\bcoproc\b", "coproc cat"),
    "named descriptor": (r"\{\w+\}[<>]", "exec {fd}<file"),
    "-v test": (r"\[\[?\s+(!\s+)?-[vR]\s", "[ -v name ]"),
    "wait -n": (r"\bwait\s+-[np]", "wait -n"),
    "printf time": (r"printf\b.*%\([^)]*\)T", "printf '%(%F)T' -1"),
    "newer variable": (r"\$\{?(EPOCH\w+|BASHPID|SRANDOM|BASH_ARGV0|BASH_XTRACEFD)\b", "echo $EPOCHSECONDS"),
    "newer option": (r"\bshopt\s.*\b(globstar|lastpipe|inherit_errexit|localvar_\w+)\b", "shopt -s lastpipe"),
    "read -N": (r"\bread\s+-\w*[Ni]\b", "read -N 1 key"),
    "zero-padded braces": (r"\{0\d+\.\.", "echo {01..10}"),
    "unicode escape": (r"\$'[^']*\\[uU]", "printf %s $'\\u2026'"),
    # Under `set -u` an empty array is an unset one up to Bash 4.3.
    "unguarded array": (r"(?<!\+)\"\$\{\w+\[[@*]\]\}\"", 'run "${arguments[@]}"'),
}


def newer_syntax(text: str) -> list[str]:
    """What in a script Bash 3.2 would stumble over, as ``line number: name``."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r"(^|\s)#.*", "", line)
        found += [f"{number}: {name}" for name, (pattern, _) in NEWER_THAN_BASH_3_2.items() if re.search(pattern, code)]
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "scripts").rglob("*.sh")), ids=relative)
def test_bash_3_2_can_run_it(path: Path) -> None:
    assert newer_syntax(path.read_text()) == []


def test_bash_3_2_can_run_the_shipped_executors() -> None:
    for path in (ROOT / "scripts" / "executors").glob("*"):
        if path.is_file() and "bash" in path.read_text(errors="replace").partition("\n")[0]:
            assert newer_syntax(path.read_text()) == [], relative(path)


@pytest.mark.parametrize("name", NEWER_THAN_BASH_3_2)
def test_newer_syntax_is_seen(name: str) -> None:
    assert f"1: {name}" in newer_syntax(NEWER_THAN_BASH_3_2[name][1])


def test_older_syntax_is_let_through() -> None:
    old = """
    words=(one two); run ${words[@]+"${words[@]}"}  # not ${words[-1]}
    printf -v "$name" %s "${value#?}"; [[ $line =~ ^(a|b)$ ]] && read -r -d '' rest <<<"$x"
    case $a in b) echo ;; esac; exec 3<&1; echo "${!name+set}" "${name: -3}" $'\\n' >file 2>&1
    """
    assert newer_syntax(old) == []


LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)( ; [^\\]+)? \\$")


def locked(name: str) -> dict[str, str]:
    """The versions in a lock file. Every line must be a pin or one of its hashes: no host, no path, no option."""
    versions = {}
    for line in (ROOT / "requirements" / f"{name}.lock").read_text().splitlines():
        pin = LOCKED.match(line)
        assert pin or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
        if pin:
            versions[pin[1]] = pin[2]
    return versions


def asked(requirements: list[str]) -> set[str]:
    names = (re.match(r"[A-Za-z0-9._-]+", requirement) for requirement in requirements)
    return {re.sub(r"[._]", "-", name[0].lower()) for name in names if name} - {"defer"}


def test_lock_files_have_what_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core, dev = locked("core"), locked("dev")
    assert asked(project["dependencies"]) <= core.keys()
    for extra in project["optional-dependencies"].values():
        assert asked(extra) <= dev.keys()
    assert core.items() <= dev.items()


def test_core_dependencies_have_a_lower_bound_with_its_reason_and_no_upper_one() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    lines = re.search(r"^dependencies = \[\n(.*?)^\]", text, re.DOTALL | re.MULTILINE)
    assert lines
    for line in lines[1].splitlines():
        assert re.fullmatch(r'  "[A-Za-z.-]+>=[0-9.]+(; [^"]+)?", +# .+', line), line


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_what_was_parsed_stays_as_it_was_given(path):
    """Nothing is written into an argparse namespace: what flags come to is a value of its own."""
    rewritten = [
        f"line {node.lineno}"
        for node in ast.walk(parsed(path))
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store | ast.Del)
            and names_arguments(node.value)
        )
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and names_arguments(node.args[0]))
    ]
    assert not rewritten


def names_arguments(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("args", "namespace")


READS_A_MESSAGE = {"scripts/defer/__main__.py": "Python says of bad byte code no more than that"}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_nobody_reads_what_an_error_says(path):
    """What code has to know of an error is its type or a field of it: its text is for people."""
    found = [
        f"line {node.lineno}"
        for handler in ast.walk(parsed(path))
        if isinstance(handler, ast.ExceptHandler) and handler.name
        for node in ast.walk(handler)
        if is_looked_into(node, f"str({handler.name})")
    ]
    assert bool(found) == (relative(path) in READS_A_MESSAGE), found


def is_looked_into(node: ast.AST, text: str) -> bool:
    """Whether the text is compared, searched or taken apart."""
    if isinstance(node, ast.Compare):
        return text in [ast.unparse(part) for part in (node.left, *node.comparators)]
    is_method = isinstance(node, ast.Attribute) and ast.unparse(node.value) == text
    return is_method or (isinstance(node, ast.Subscript) and ast.unparse(node.value) == text)
