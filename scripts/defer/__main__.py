"""The interpreter's way in: ``python -I -S scripts/defer/__main__.py FACE [ARGUMENT]…``.

Python runs isolated, and without ``site``, which would cost a third of a cold start. The two folders that
count are named here, behind the standard library, so that nothing else can put a module in front.
"""

import gc
import os
import signal
import sys

# What is loaded stays: no use to search it for garbage again and again. cli turns the collector on.
gc.disable()
# First of all: every file made from here on, byte code too, is ours alone. Executors get the caller's umask back.
_callers_umask = os.umask(0o077)
# Until some module takes over Ctrl-C, it ends the process at once: the store is whole at every moment.
signal.signal(signal.SIGINT, signal.SIG_DFL)

_package = os.path.dirname(os.path.realpath(__file__))
_above = os.path.dirname(_package)
_environment = os.path.dirname(os.path.dirname(sys.executable))
_library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_libraries = os.path.join(_environment, "lib", _library, "site-packages")
_is_wheel = os.path.basename(_above) != "scripts"


def _find_modules() -> None:
    """Behind the standard library: our modules, and the packages that they need."""
    sys.path.append(_above)
    if not _is_wheel:
        sys.path.append(_libraries)
    elif _above != os.path.realpath(_libraries) or _sees_the_systems_packages():
        # What a wheel needs may lie in several places, and only `site` knows them all.
        import site

        site.main()


def _sees_the_systems_packages() -> bool:
    try:
        with open(os.path.join(_environment, "pyvenv.cfg"), "rb") as settings:
            return b"include-system-site-packages = true" in settings.read(4096).lower()
    except OSError:
        return True


def _place_bytecode() -> None:
    """A copy may lie within somebody's project, where nothing is ours to write: its byte code goes to our data."""
    if _is_wheel or os.path.lexists(os.path.join(os.path.dirname(_above), ".git")):
        return
    data = os.environ.get("XDG_DATA_HOME") or ""
    if not os.path.isabs(data):
        data = os.path.join(os.environ.get("HOME") or "", ".local", "share")
    if not os.path.isabs(data):
        sys.dont_write_bytecode = True
        return
    place = os.path.join(data, "defer", "bytecode")
    for path in (os.path.dirname(place), place):
        _refuse_what_every_user_can_change(path, f"chmod o-w {path}")
    sys.pycache_prefix = place


def _refuse_what_every_user_can_change(path: str, remedy: str) -> None:
    """End with one line, before anything is loaded from there: the shell in front cannot ask for a file's mode."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if mode & 0o002:
        from defer import errors, visible  # not render, which needs packages that are installed there

        told = visible.sentence(f"{path} can be changed by every user ({remedy})")
        if sys.stderr is not None:
            os.write(2, f"defer: {told}\n".encode())
        sys.exit(errors.EXIT_IO)


def _start_without_bytecode() -> None:
    """Drop the byte code beside our modules and restart without writing any.

    A disk that is full while byte code is written leaves a file that is cut short. Python before 3.12.8 and 3.13.1
    takes that for valid and fails over it at every later start (CPython issue 126606).
    """
    import shutil

    if sys.pycache_prefix:
        shutil.rmtree(sys.pycache_prefix + _package, ignore_errors=True)
    for folder, _, _ in list(os.walk(_package)):
        if folder.endswith("__pycache__"):
            shutil.rmtree(folder, ignore_errors=True)
    os.umask(_callers_umask)
    os.execv(sys.executable, [sys.executable, "-B", *sys.orig_argv[1:]])


_find_modules()
for _path in (_environment, os.path.dirname(sys.executable), sys.executable, _above if _is_wheel else _libraries):
    _mend = "install defer again" if _is_wheel else f"remove {_environment}, then: python3 {_above}/bootstrap.py"
    _refuse_what_every_user_can_change(_path, _mend)
_place_bytecode()
try:
    from defer.commands.cli import main

    status = main(sys.argv[1], sys.argv[2:], _callers_umask)
except (EOFError, ValueError) as error:
    if "marshal" not in str(error) or sys.dont_write_bytecode:
        raise
    _start_without_bytecode()
else:
    # All is written. To take the interpreter apart would cost a third of its start.
    os._exit(status)
