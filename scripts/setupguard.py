"""What keeps other users out of the set-up: who owns the Python environment, and the lock that one set-up holds.

- The lock is ``flock`` on a file of ours, mode 0600, beside what is being set up. It is not on a directory: anybody
  who may read a directory may lock it, and could keep everybody waiting.
- Waiting has a limit. After a few seconds a message says who holds the lock.
- Death releases it. The holder removes the file when it is done; one that waited notices, and locks the next file.
"""

import os
import stat
import sys
import time

PATIENCE_SECONDS = 300.0
QUIET_SECONDS = 3.0
_POLL_SECONDS = 0.1


class SetupError(Exception):
    """The environment cannot be made. The text says what is wrong and how to mend it; ``code`` is the exit status."""

    exit_code = 74


class NotOurs(SetupError):
    """Something belongs to another user, or may by now."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} (remove it, then try again)")


class Busy(SetupError):
    """Another set-up was at work for as long as this one waits."""

    exit_code = 75


def tell(text: str) -> None:
    """Print one line on stderr, made safe for a terminal here: defer/visible.py needs a newer Python."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    sys.stderr.write(f"defer: {shown}\n")
    sys.stderr.flush()


def refuse_others(home: str, above: "list[str]", codes_owner: int) -> None:
    """Raise NotOurs where another user can have put a program or a module into the environment ``home``.

    Its parts, and the folders ``above`` it, belong to us, to root or to ``codes_owner``, who decides what runs anyway.
    """
    programs = os.path.join(home, "bin")
    libraries = os.path.join(home, "lib")
    packages = []
    if os.path.isdir(libraries):
        packages = [os.path.join(libraries, name, "site-packages") for name in os.listdir(libraries)]
    settings = os.path.join(home, "pyvenv.cfg")
    for path in filter(os.path.exists, [*above, home, programs, settings, libraries, *packages]):
        _refuse(path, os.stat(path), codes_owner)
        _refuse(path, os.lstat(path), codes_owner)
    python = os.path.join(programs, "python")
    if os.path.exists(python):
        _refuse(python, os.lstat(python), codes_owner)
        # The link leads to whichever Python this user has, and that may belong to anybody.
        _refuse(python, os.stat(python), os.stat(python).st_uid)


def _refuse(path: str, found: "os.stat_result", codes_owner: int) -> None:
    if found.st_uid not in (0, os.geteuid(), codes_owner):
        raise NotOurs(f"{path} belongs to another user, uid {found.st_uid}")
    if found.st_mode & stat.S_IWOTH and not stat.S_ISLNK(found.st_mode):
        raise NotOurs(f"{path} can be changed by every user")


class Held:
    """Hold the lock at ``path``, whose directory is made if missing. Raises NotOurs, Busy, OSError."""

    def __init__(self, path: str, quiet: bool) -> None:
        self._path = path
        self._quiet = quiet

    def __enter__(self) -> None:
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        begun = time.monotonic()
        while not self._take():
            waited = time.monotonic() - begun
            if waited > PATIENCE_SECONDS:
                held = f"{self._holder()} has held {self._path} for {PATIENCE_SECONDS:g} s"
                raise Busy(f"busy: {held} (try again when it is done)")
            if waited > QUIET_SECONDS and not self._quiet:
                self._quiet = True
                tell(f"waiting for {self._holder()}, at most {PATIENCE_SECONDS:g} s: {self._path}")
            time.sleep(_POLL_SECONDS)

    def __exit__(self, *exception: object) -> None:
        if self._is_current():  # or somebody has removed it, and the name is another file's by now
            os.remove(self._path)
        os.close(self._descriptor)

    def _take(self) -> bool:
        import fcntl

        self._descriptor = self._open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._is_current():
                os.ftruncate(self._descriptor, 0)
                os.write(self._descriptor, b"%d\n" % os.getpid())
                return True
        except BlockingIOError:
            pass
        except BaseException:
            os.close(self._descriptor)
            raise
        os.close(self._descriptor)
        return False

    def _open(self) -> int:
        try:
            # Without blocking or following links: somebody may have put a FIFO there, or a link.
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
        except OSError:
            if os.path.lexists(self._path):
                raise self._not_ours() from None
            raise
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
            os.close(descriptor)
            raise self._not_ours()
        os.fchmod(descriptor, 0o600)
        return descriptor

    def _is_current(self) -> bool:
        """Whether the name still leads to the file that we have locked: its holder removes it when done."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False

    def _holder(self) -> str:
        try:
            with open(self._path) as stream:
                process = stream.read(20).strip()
        except OSError:
            process = ""
        return f"another set-up (process {process})" if process.isdigit() else "another set-up"

    def _not_ours(self) -> NotOurs:
        return NotOurs(f"{self._path} is not a file of ours that nobody else can open")
