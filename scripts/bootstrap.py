#!/usr/bin/env python3
"""Summary: make the Python environment that everything else here runs in.

Usage: bootstrap.py [--extra dev|notify|mcp] [--check] [--quiet] | --hash

Standard library only. This file must parse under any ``python3`` from 3.6 on, so that an old
one can say in one line what is missing.

- Where the environment belongs depends on how the code came (``setupplace``): ``.venv`` beside a clone, else
  ``$XDG_DATA_HOME/defer/venv-<hash>``, which all copies with the same locks share. A wheel brings its own.
- A stamp in it vouches for each lock file: its content is a hash of the lock, of what
  ``pyproject.toml`` asks for and of the environment's Python version, written after
  everything is installed. A stamp newer than both files is trusted without hashing (the shell
  entries check nothing else). An older one is compared, and touched if it still matches.
- A lock lets one builder work at a time (``setupguard``); the second finds the stamp and stops.
- pip takes ready-made wheels whose hashes are locked, and nothing else: no package's own code runs
  while it is installed. From the caller's environment pip sees only what ``pipsettings`` lets through.
- An environment is used only if nobody else can have put anything into it: it belongs to its user,
  to root, or to the owner of this file, who decides what runs anyway.
- A mark lies in the environment while it is being built. If a builder dies, the mark stays and
  there is no stamp: the next builder starts from an empty directory.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Before any other import: an empty part of PYTHONPATH is the working directory, whose json.py would run as ours.
    import posix

    if any(name.startswith(b"PYTHON") for name in posix.environ):
        if not sys.executable:
            sys.exit("defer: this Python cannot tell where it lies (start it by its full path)")
        posix.execv(sys.executable, [sys.executable, "-I", *sys.argv])

import os

# Isolated, Python does not look beside the script that it runs.
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
if __name__ == "__main__":
    os.umask(os.umask(0o077) | 0o002)  # whoever can write to our byte code can make us run theirs
    sys.dont_write_bytecode = True
    import setupplace

    setupplace.settle()

import setupguard
import setupplace
from setupguard import SetupError
from setupplace import EXTRAS, may, sources

MINIMUM = (3, 11)

_ROOT = setupplace.ROOT
_COMMAND = "python3 {}".format(os.path.join(setupplace.SCRIPTS, "bootstrap.py"))
_MARK = "defer-building"
_SCRATCH = "defer-scratch"


def ensure(quiet: bool = False, extra: str = "") -> str:
    """The path of an interpreter that has everything in ``core.lock``, and in that of ``extra``.

    Made if it is not there, with one message on stderr unless ``quiet``. Raises SetupError.
    """
    found = find(extra)
    if found:
        return found
    if setupplace.kind() == setupplace.WHEEL:
        lacking = f"has no extra {extra}" if extra else "does not belong to a Python that is there"
        again = f"install defer again, as defer[{extra}]" if extra else "install defer again"
        raise SetupError(f"{_ROOT} was installed as a package, which {lacking} ({again}, from where it came)")
    _require_version()
    home = _place()
    callers = os.umask(0o077)
    # As private as the caller wants it, but never writable by everybody, nor unusable by its owner.
    os.umask((callers | 0o002) & 0o077)
    try:
        with setupguard.Held(home + ".lock", quiet):
            missing = [lock for lock in _locks(extra) if not _vouched(home, lock)]
            if missing:
                _build(home, missing, quiet)
    except OSError as error:
        raise SetupError(
            f"{error.filename or home}: {error.strerror} (free or grant what it names, then: {_COMMAND})"
        ) from None
    except KeyboardInterrupt:
        raise SetupError(f"setting up was interrupted (to finish it: {_COMMAND})") from None
    finally:
        os.umask(callers)
    return _python(home)


def find(extra: str = "") -> str:
    """The interpreter of an environment that is ready, also for ``extra``, or the empty string.

    Raises SetupError for one that others can have put something into.
    """
    if setupplace.kind() == setupplace.WHEEL:
        return "" if extra else setupplace.installed_python()
    for home in _homes():
        _guarded(home)
        if all(_vouched(home, lock) for lock in _locks(extra)):
            return _python(home)
    return ""


def enter_environment() -> None:
    """Continue under the environment's interpreter: for scripts that any Python may start.

    Returns if that interpreter is running already; otherwise it restarts the script under it, isolated. Where no
    environment can be made, it ends the process with one line and status 74 or 75.
    """
    _step_up()
    try:
        python = ensure()
    except SetupError as error:
        setupguard.tell(str(error))
        sys.exit(error.exit_code)
    is_the_one = python == sys.executable or os.path.realpath(sys.prefix) == os.path.realpath(_home_of(python))
    if is_the_one and sys.getfilesystemencoding() == "utf-8":
        return
    # -I: neither PYTHONPATH nor a user's site-packages may put other modules in front of ours. -X utf8: input and
    # output are UTF-8 whatever the locale says.
    os.execv(python, [python, "-I", "-X", "utf8", *sys.argv])


def _require_version() -> None:
    if sys.version_info[:2] < MINIMUM:
        this = f"{sys.version_info[0]}.{sys.version_info[1]} at {sys.executable}"
        raise SetupError(
            f"Python {MINIMUM[0]}.{MINIMUM[1]} or newer is needed, this is {this} (install one and put it "
            "first on PATH, e.g. apt-get install python3.11 python3.11-venv, or brew install python3)"
        )


def _step_up() -> None:
    """If this Python is too old, restart under a newer one that PATH has under another name."""
    if sys.version_info[:2] >= MINIMUM:
        return
    import shutil
    import subprocess

    test = f"import sys; sys.exit(sys.version_info < {MINIMUM!r})"
    # Not from a part of PATH that is the working directory.
    path = os.pathsep.join(filter(os.path.isabs, os.environ.get("PATH", os.defpath).split(os.pathsep)))
    for minor in range(20, MINIMUM[1] - 1, -1):
        newer = shutil.which(f"python3.{minor}", path=path)
        # A version manager may have a name on PATH with nothing behind it.
        if newer and subprocess.call([newer, "-I", "-c", test], stderr=subprocess.DEVNULL) == 0:
            os.execv(newer, [newer, "-I", *sys.argv])


def _homes() -> "list[str]":
    try:
        return setupplace.homes()
    except OSError as error:
        raise SetupError(f"{error.filename}: {error.strerror}: this copy is not whole (get it anew)") from None


def _place() -> str:
    """Where a new environment goes."""
    homes = _homes()
    is_clone = setupplace.kind() == setupplace.CLONE
    if is_clone and may(_ROOT, os.W_OK):
        return homes[0]
    if not setupplace.directory():
        what = "not a full path" if os.environ.get("HOME") else "not set"
        why = "is read-only" if is_clone else "is not a git clone"
        raise SetupError(
            f"HOME is {what}, and {_ROOT} {why}: no place for the Python environment "
            "(set HOME to the full path of your home directory, or XDG_DATA_HOME)"
        )
    return homes[-1]


def _guarded(home: str) -> None:
    """Raise SetupError where somebody else can have put a program or a module into the environment."""
    above = [] if setupplace.is_beside(home) else [os.path.dirname(home)]
    setupguard.refuse_others(home, above, os.stat(os.path.realpath(__file__)).st_uid)


def _python(home: str) -> str:
    return os.path.join(home, "bin", "python")


def _home_of(python: str) -> str:
    return os.path.dirname(os.path.dirname(python))


def _stamp(home: str, lock: str) -> str:
    return os.path.join(home, f"defer-{lock}.stamp")


def _locks(extra: str) -> "list[str]":
    return ["core", extra] if extra else ["core"]


def _vouched(home: str, lock: str) -> bool:
    """Whether the environment is whole and made from what the repository asks for now."""
    stamp = _stamp(home, lock)
    if not may(_python(home), os.X_OK) or not os.path.isfile(stamp):
        return False
    made = os.stat(stamp).st_mtime_ns
    if all(made > os.stat(source).st_mtime_ns for source in sources(lock)):
        return True
    if sys.version_info[:2] < MINIMUM:
        return False  # it has no tomllib to compare with
    with open(stamp) as stream:
        if stream.read().strip() != _fingerprint(home, lock):
            return False
    if may(stamp, os.W_OK):
        os.utime(stamp)
    return True


def _fingerprint(home: str, lock: str) -> str:
    """What an environment is made from; tool settings and the version number do not count."""
    return f"{setupplace.digest([lock])} python{_version(home)}"


def _version(home: str) -> str:
    """``3.12`` of an environment made with Python 3.12.1, or the empty string."""
    try:
        with open(os.path.join(home, "pyvenv.cfg")) as stream:
            settings = dict(line.strip().partition(" = ")[::2] for line in stream)
    except OSError:
        return ""
    full = settings.get("version") or settings.get("version_info") or ""
    return ".".join(full.split(".")[:2])


def _build(home: str, locks: "list[str]", quiet: bool) -> None:
    """Make or renew the environment; its stamps are the last thing written."""
    if not quiet:
        setupguard.tell(f"setting up the Python environment in {home} (once; half a minute or so)")
    mark = os.path.join(home, _MARK)
    if os.path.exists(mark) or not _usable(home):
        _clear(home)
    os.makedirs(home, exist_ok=True)
    with open(mark, "w"):
        pass
    for lock in locks:
        if os.path.exists(_stamp(home, lock)):
            os.remove(_stamp(home, lock))
    import shutil

    scratch = os.path.join(home, _SCRATCH)
    os.makedirs(scratch, exist_ok=True)
    try:
        if not _usable(home):
            _create(home, quiet)
        for lock in locks:
            _install(home, lock, quiet)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    os.remove(mark)
    for lock in locks:
        _write_stamp(home, lock)


def _usable(home: str) -> bool:
    """Whether packages can be installed into it: its interpreter is there, new enough, and has pip."""
    version = _version(home)
    pip = os.path.join(home, "lib", "python" + version, "site-packages", "pip", "__main__.py")
    return (
        may(_python(home), os.X_OK)
        and tuple(int(part) for part in version.split(".") if part.isdigit()) >= MINIMUM
        and os.path.exists(pip)
    )


def _clear(home: str) -> None:
    """Remove what a dead builder or an interpreter that is gone left there, and nothing that others made."""
    if not os.path.lexists(home):
        return
    names = os.listdir(home) if os.path.isdir(home) else ["not a directory"]
    if names and not any(name.startswith("defer-") for name in names):
        raise SetupError(f"{home} is in the way: it was not made here (move it elsewhere, then: {_COMMAND})")
    import shutil

    # The mark goes last: if this is cut short, what is left is still known to be ours.
    with open(os.path.join(home, _MARK), "w"):
        pass
    for path in (os.path.join(home, name) for name in names if name != _MARK):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def _create(home: str, quiet: bool) -> None:
    import importlib.util

    version = "{}.{}".format(*sys.version_info[:2])
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise SetupError(
                f"Python {version} has no {module} module (apt-get install python{version}-venv, then: {_COMMAND})"
            )
    made = [_base_python(), "-I", "-m", "venv", home]
    _run(home, made, "making the environment", f"could not make a Python environment in {home}", quiet)


def _base_python() -> str:
    """The interpreter under its versioned name: ``python3`` may be another version after an upgrade."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    versioned = os.path.join(os.path.dirname(base), "python{}.{}".format(*sys.version_info[:2]))
    if os.path.exists(versioned) and os.path.realpath(versioned) == os.path.realpath(base):
        return versioned
    return str(base)


def _install(home: str, lock: str, quiet: bool) -> None:
    flags = ["--quiet", "--disable-pip-version-check", "--no-input"]
    pinned = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", sources(lock)[1]]
    _run(
        home,
        [_python(home), "-I", "-X", "utf8", "-m", "pip", "install", *flags, *pinned],
        f"installing what requirements/{lock}.lock names",
        f"could not install what requirements/{lock}.lock names",
        quiet,
    )


def _run(home: str, command: "list[str]", doing: str, failure: str, quiet: bool) -> None:
    """Run a step of the set-up. Raises SetupError."""
    import pipsettings
    import setupsteps

    try:
        environment = {**pipsettings.environment(dict(os.environ)), "TMPDIR": os.path.join(home, _SCRATCH)}
    except pipsettings.Unreadable as error:
        raise SetupError(f"{error} (fix it, then: {_COMMAND})") from None
    try:
        setupsteps.run(command, environment, doing, failure, quiet)
    except SetupError as error:
        raise SetupError(f"{error} (check the network and the disk, then: {_COMMAND})") from None


def _write_stamp(home: str, lock: str) -> None:
    stamp = _stamp(home, lock)
    with open(stamp + ".new", "w") as stream:
        stream.write(_fingerprint(home, lock) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(stamp + ".new", stamp)


def main(arguments: "list[str]") -> int:
    """Print the environment's interpreter; if there is none, one line on stderr: 74, or 75 while others build it."""
    import argparse

    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Make the Python environment, or find it ready; print its interpreter.",
    )
    parser.add_argument(
        "--extra",
        default="",
        choices=["dev", *EXTRAS],
        help="dev: with what tests and linters need; notify: with apprise; mcp: with the package mcp",
    )
    parser.add_argument("--check", action="store_true", help="install nothing: only say whether it is ready")
    parser.add_argument("--quiet", action="store_true", help="no message while setting up")
    parser.add_argument("--hash", action="store_true", help="print what requirements/locks.hash must hold")
    options = parser.parse_args(arguments)
    _step_up()
    try:
        if options.hash:
            python = setupplace.hashed()
        elif options.check:
            python = find(options.extra)
            if not python:
                raise SetupError(f"the Python environment is missing or out of date (run: {_COMMAND})")
        else:
            python = ensure(quiet=options.quiet, extra=options.extra)
    except SetupError as error:
        setupguard.tell(str(error))
        return error.exit_code
    sys.stdout.write(python + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
