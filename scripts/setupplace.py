"""How this code came, where its Python environment belongs because of that, and where byte code may be written.

Standard library only, and nothing newer than Python 3.6: the scripts that any Python may start import this first, and
call ``settle``. Until then no byte code is written: a copy of the code may lie within somebody's project.

- A git clone: ``.venv`` beside the code, and byte code beside the modules. Where it is read-only, as for a copy.
- A copy that came another way: ``$XDG_DATA_HOME/defer/venv-<hash>``, which all copies with the same locks share,
  and byte code below ``$XDG_DATA_HOME/defer/bytecode``. Nothing is written where the copy lies.
- A wheel: the environment that it was installed into.
"""

import os
import re
import sys

SCRIPTS = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(SCRIPTS)
CLONE, COPY, WHEEL = "clone", "copy", "wheel"
EXTRAS = ("mcp", "notify")
"""The extras that people use, each with a lock of its own. Tests and linters have the extra ``dev``."""

HASH = os.path.join("requirements", "locks.hash")
"""A file of one line, which names what an environment is made from: the shell cannot hash without a program."""

_INSTALLED = re.compile(r"(.+)/lib[^/]*/(python[0-9.]*)/(?:site|dist)-packages/defer/data/scripts")


def kind() -> str:
    """How this code came, as ``defer/paths.py`` has it."""
    if SCRIPTS.endswith("/defer/data/scripts") and not os.path.exists(os.path.join(SCRIPTS, "defer")):
        return WHEEL
    return CLONE if os.path.lexists(os.path.join(ROOT, ".git")) else COPY


def settle() -> None:
    """Let the scripts find the modules, and say where byte code goes; none is written where there is no place."""
    sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)
    came = kind()
    if came == WHEEL:
        # Behind the standard library. An interpreter that is told to be isolated leaves a user's own packages out.
        sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(SCRIPTS))))
    elif came == COPY:
        data = directory()
        sys.dont_write_bytecode = sys.dont_write_bytecode or not data
        if data:
            sys.pycache_prefix = os.path.join(data, "bytecode")


def directory() -> str:
    """Ours among the user's data: a full path, or the empty string where the user has neither of both variables."""
    data = os.environ.get("XDG_DATA_HOME") or ""
    if not os.path.isabs(data):  # which the XDG Base Directory Specification says to ignore
        data = os.path.join(os.environ.get("HOME") or "", ".local", "share")
    return os.path.join(data, "defer") if os.path.isabs(data) else ""


def homes() -> "list[str]":
    """The environments that may serve this code, the first one first. Raises OSError for a copy that is not whole."""
    found = [os.path.join(ROOT, ".venv")] if kind() == CLONE else []
    data = directory()
    if data and (not found or os.path.exists(os.path.join(ROOT, HASH))):
        with open(os.path.join(ROOT, HASH)) as stream:
            found.append(os.path.join(data, "venv-" + stream.readline().strip()))
    return found


def is_beside(home: str) -> bool:
    """Whether an environment is the one beside the code, which is as the owner of the checkout wants it."""
    return home == os.path.join(ROOT, ".venv")


def may(path: str, mode: int) -> bool:
    """For the effective user, not the real one: the shell's ``-x`` asks the same."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def installed_python() -> str:
    """The interpreter that a wheel was installed for, or the empty string: as common.sh looks for it."""
    place = _INSTALLED.fullmatch(SCRIPTS)
    if place is None:
        return ""
    prefix, name = place.groups()
    if name == "python":  # macOS: ~/Library/Python/3.12/lib/python/site-packages
        name += os.path.basename(prefix)
    if os.path.exists(os.path.join(prefix, "pyvenv.cfg")):
        return os.path.join(prefix, "bin", "python")
    if name == "python{}.{}".format(*sys.version_info[:2]):
        return sys.executable
    # Only the Python of a distribution has `dist-packages`; another of the same version may lie in /usr/local.
    first = "/usr/bin" if "/dist-packages/" in SCRIPTS else os.path.join(prefix, "bin")
    folders = [first, *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    paths = [os.path.join(folder, name) for folder in folders if os.path.isabs(folder)]
    return next((path for path in paths if may(path, os.X_OK) and not _is_virtual(path)), "")


def _is_virtual(python: str) -> bool:
    """Whether an interpreter is that of a virtual environment, which has packages of its own."""
    return os.path.exists(os.path.join(os.path.dirname(os.path.dirname(python)), "pyvenv.cfg"))


def sources(lock: str) -> "list[str]":
    """The two files that say what an environment holds of one lock."""
    return [os.path.join(ROOT, "pyproject.toml"), os.path.join(ROOT, "requirements", lock + ".lock")]


def digest(locks: "list[str]") -> str:
    """A hash of what ``pyproject.toml`` asks for and the locks hold; tool settings and our own version do not count."""
    import hashlib
    import json
    import tomllib

    with open(sources("core")[0], "rb") as stream:
        project = tomllib.load(stream)["project"]
    asked = [project["requires-python"], project["dependencies"]]
    asked += [project["optional-dependencies"][lock] for lock in locks if lock != "core"]
    made = hashlib.sha256(json.dumps(asked).encode())
    for lock in locks:
        with open(sources(lock)[1], "rb") as stream:
            made.update(stream.read())
    return made.hexdigest()


def hashed() -> str:
    """What ``requirements/locks.hash`` must hold: copies that ask for the same share one environment.

    The lock of the tests is left out: they are for clones alone.
    """
    return digest(["core", *EXTRAS])[:16]
