"""The copy of the code that wakers name where the code itself lies in a place that does not last.

``$XDG_DATA_HOME/defer/code/`` holds a directory for each version that was copied, named by version and content, and
``current``, a link to one of them: that is what wakers name, so that an upgrade is one rename. A copy is made beside,
with the Python environment that it needs, and gets its name when it is whole. The one before stays, since a command
may just be starting from it; older ones go when no runner is at work from any copy.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from defer import fsio, homedir, paths
from defer.errors import Refused, StorageError

from . import lasting, runners

_SHIPPED = ("scripts", "references", "requirements", "pyproject.toml", "LICENSE")
_UNSHIPPED = {"__pycache__", "data"}
# Nothing is written there: they are named so that no waker is led there.
_PASSING = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/private/tmp", "/private/var/folders", "/var/folders")  # noqa: S108
_CACHES = ("TMPDIR", "XDG_CACHE_HOME", "UV_CACHE_DIR", "PIP_CACHE_DIR", "npm_config_cache")
_CACHES_AT_HOME = (".cache", ".npm", "Library/Caches")
_VERSION = re.compile(r'^version = "([^"]+)"', re.MULTILINE)
_LINK = "current"
_PATIENCE_SECONDS = 900


class Copied(NamedTuple):
    """A stable copy: where it lies, whether it was made just now, and why it was wanted."""

    path: Path
    is_new: bool
    why: str

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {"path": str(self.path), "new": self.is_new, "why": self.why}


def directory(environ: Mapping[str, str]) -> Path | None:
    """Where the copies lie; None where there is no home."""
    data = homedir.xdg(environ, "XDG_DATA_HOME", ".local/share", of_account=environ is os.environ)
    return data and data / "defer" / "code"


def why(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why a waker is not to name this code; None where it may."""
    stable = directory(environ)
    return lasting.why_not(
        paths.ROOT,
        is_copy=paths.kind() == paths.COPY,
        passing=_passing(environ),
        stable=stable and Path(os.path.realpath(stable)),
    )


def _passing(environ: Mapping[str, str]) -> list[Path]:
    home = homedir.find(environ, of_account=environ is os.environ)
    named = [environ[name] for name in _CACHES if os.path.isabs(environ.get(name, ""))]
    at_home = [str(home / name) for name in _CACHES_AT_HOME] if home else []
    return [Path(os.path.realpath(one)) for one in (*_PASSING, *named, *at_home)]


def runner(environ: Mapping[str, str] = os.environ) -> Path:
    """The runner that a waker is to name for this code, whether the copy is there yet or not."""
    stable = directory(environ)
    is_inside = stable is not None and Path(os.path.realpath(stable)) in paths.ROOT.parents
    if stable is None or (not is_inside and why(environ) is None):
        return paths.runner()
    return stable / _LINK / "scripts" / "run-deferred.sh"


def bring(lock_timeout: float, environ: Mapping[str, str] = os.environ) -> Copied | None:
    """Have the stable copy be this code, ready to run; None where wakers may name this code itself.

    That may take half a minute: the Python environment is made, too. Raises NoHome, StoreBusy, StorageError; Refused
    where the environment cannot be made, which has said why on stderr. Then all is as before.
    """
    wanted, place = why(environ), directory(environ)
    if wanted is None:
        return None
    if place is None:
        homedir.need(environ, of_account=environ is os.environ)
        raise AssertionError("a home directory gives a place for a copy")
    with fsio.storage_errors(place):
        fsio.ensure_directory(place, ours=True)
        with fsio.edit_lock(place, lock_timeout):
            return _brought(place, wanted)


def _brought(place: Path, wanted: str) -> Copied:
    files = dict(_files())
    copy = place / f"{version(paths.ROOT) or 'unknown'}-{_fingerprint(files)}"
    if not copy.is_dir():
        new = place / f".new-{os.getpid()}-{os.urandom(4).hex()}"
        try:
            _write(new, files)
            _make_ready(new)
            new.rename(copy)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    else:
        _make_ready(copy)
    before = _target(place)
    if before == copy:
        return Copied(copy, is_new=False, why=wanted)
    link = place / f".{_LINK}-{os.urandom(4).hex()}"
    link.symlink_to(copy.name)
    link.replace(place / _LINK)
    _clear(place, {copy, before})
    return Copied(copy, is_new=True, why=wanted)


def _target(place: Path) -> Path | None:
    """The copy that is named now."""
    try:
        return place / os.readlink(place / _LINK)
    except OSError:
        return None


def _files() -> Iterator[tuple[str, Path]]:
    """What a copy holds: the path of each file in it, and the file."""
    for name in _SHIPPED:
        yield from _below(paths.ROOT / name, name)
    package = paths.CODE.parent
    if paths.kind() == paths.WHEEL:  # its modules lie beside the data, not in it
        yield from _below(package, "scripts/defer")


def _below(path: Path, name: str) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        for one in sorted(path.iterdir()):
            if one.name not in _UNSHIPPED:
                yield from _below(one, f"{name}/{one.name}")
    elif path.is_file():
        yield name, path


def _fingerprint(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode(errors="surrogateescape") + path.read_bytes())
    return digest.hexdigest()[:12]


def _write(new: Path, files: Mapping[str, Path]) -> None:
    for name, source in files.items():
        target = new / name
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(source, target)
        target.chmod(0o700 if os.access(source, os.X_OK) else 0o600)
    for folder, _, _ in os.walk(new):
        fsio.sync_directory(Path(folder))


def _make_ready(copy: Path) -> None:
    """Make the Python environment that the copy runs in, unless it is there."""
    command = [sys.executable, "-I", str(copy / "scripts" / "bootstrap.py")]
    # The home directory may be known from the account alone: here it is for the environment what it was for the copy.
    env = {**os.environ, "XDG_DATA_HOME": str(copy.parents[2])}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=env,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise StorageError(f"the Python environment for {copy.parent} cannot be made: {error} (try again)") from None
    if done.returncode:
        raise Refused(
            f"the copy of the code in {copy.parent} has no Python environment yet, so nothing was installed "
            "(mend what is named above, then try again)"
        )


def _clear(place: Path, kept: set[Path | None]) -> None:
    if _is_at_work(place):
        return
    for one in place.iterdir():
        if one.is_dir() and not one.is_symlink() and one not in kept:
            shutil.rmtree(one, ignore_errors=True)


def _is_at_work(place: Path) -> bool:
    return any(place.resolve() in Path(one.entry).parents for one in runners.at_work())


def remove(environ: Mapping[str, str], named: Iterable[str]) -> tuple[str | None, str | None]:
    """Remove the copies, unless a waker still names one (``named``), a runner is at work there, or this code is one.

    What was removed, and otherwise what to say of what stays.
    """
    place = directory(environ)
    if place is None or not (place / _LINK).is_symlink():
        return None, None
    real = place.resolve()
    is_named = any(real in Path(os.path.realpath(one)).parents for one in named)
    if is_named or real in paths.ROOT.parents or _is_at_work(place):
        return None, f"the copy of the code that wakers name stays: {place}"
    with suppress(OSError):
        (place / _LINK).unlink()
        shutil.rmtree(place)
    return (None, f"not all of it could be removed: {place}") if place.exists() else (str(place), None)


def version(root: Path) -> str | None:
    """The version of the code around ``scripts/``; None where it does not say."""
    raw = fsio.read_bounded(root / "pyproject.toml", 1 << 16)
    found = _VERSION.search(raw.decode(errors="replace")) if raw else None
    return found[1] if found else None


def version_of(called: str) -> str | None:
    """The version of the code that a runner belongs to; None where that cannot be told."""
    found = Path(os.path.realpath(called))
    if found.parent.name == "scripts":
        return version(found.parent.parent)
    data = next(found.parent.parent.glob("lib/python*/site-packages/defer/data"), None)
    return version(data) if data else None


def is_other_version(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The stable copy, where wakers name it for this code and it holds other code than this."""
    place = directory(environ)
    copy = _target(place) if place is not None else None
    if copy is None or why(environ) is None or not copy.is_dir():
        return None
    return None if copy.name.endswith(f"-{_fingerprint(dict(_files()))}") else copy
