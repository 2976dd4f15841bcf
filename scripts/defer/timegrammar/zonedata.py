"""Which zones' data is read: the system's or that of the package ``tzdata``, whichever is newer.

By itself Python asks the package only for a name that the system lacks, so that a system whose data is years old
wins over newer data that came with us. What somebody chose by ``PYTHONTZPATH`` is taken at their word; so is a
system whose version cannot be told, since whoever keeps it knows better than we do. The choice is made once for a
zone, so that a process never mixes the two.
"""

import re
import sysconfig
import zoneinfo
from functools import cache
from zoneinfo import ZoneInfo

#: IANA's releases: `2025b` comes before `2026a`, and `2026z` before `2026za`. As text they have the same order.
_VERSION = re.compile(rb"(?:# version )?([0-9]{4}[a-z]{1,3})(?![a-z0-9])", re.ASCII)
#: The files whose first line tells it: `# version 2025b` in most places, `2025b` on macOS and BSD.
_TELL = ("tzdata.zi", "+VERSION")
SYSTEM, PACKAGE, CHOSEN = "system", "package", "PYTHONTZPATH"


class Data:
    """Zones' data in the directory ``path``; ``version`` is empty where it cannot be told."""

    __slots__ = ("path", "source", "version")

    def __init__(self, source: str, path: str, version: str) -> None:
        self.source, self.path, self.version = source, path, version

    @property
    def place(self) -> str:
        """For people: whose data it is."""
        return {SYSTEM: "the system", PACKAGE: "the package tzdata"}.get(self.source, f"{CHOSEN} ({self.path})")

    def as_json(self) -> "dict[str, str | None]":
        """For programs: IANA's version, None where it cannot be told, and whose data it is."""
        return {"version": self.version or None, "source": self.source}


class Zone(ZoneInfo):
    """A zone of the package's data. A plain ``ZoneInfo`` of that name is the system's, so a copy asks here again."""

    def __reduce__(self) -> "tuple[object, tuple[str]]":
        return load, (self.key,)


@cache
def load(name: str) -> ZoneInfo:
    """The zone called ``name``, from the newest data. Raises what ``ZoneInfo`` raises."""
    data = origin(name)
    if data is None or data.source != PACKAGE:
        return ZoneInfo(name)
    with open(f"{data.path}/{name}", "rb") as file:
        return Zone.from_file(file, key=name)


def origin(name: str) -> "Data | None":
    """The data that the zone ``name`` is read from; None where neither has the zone."""
    system, package = _of_system(name), _of_package()
    if not _has(package.path, name):
        return system
    is_newer = system is None or (system.source == SYSTEM and "" < system.version < package.version)
    return package if is_newer else system


def _of_system(name: str) -> "Data | None":
    """The first directory of the search path that has the zone, as ``ZoneInfo`` looks for it."""
    path = zoneinfo.TZPATH
    source = SYSTEM if ":".join(path) == (sysconfig.get_config_var("TZPATH") or "") else CHOSEN
    return next((Data(source, each, _version(each)) for each in path if _has(each, name)), None)


@cache
def _of_package() -> Data:
    try:
        tzdata = __import__("tzdata")  # importlib would cost more than the package
        return Data(PACKAGE, f"{tzdata.__path__[0]}/zoneinfo", tzdata.IANA_VERSION)
    except (ImportError, AttributeError):
        return Data(PACKAGE, "", "")


def _has(path: str, name: str) -> bool:
    try:
        with open(f"{path}/{name}", "rb"):
            return bool(path)
    except OSError:
        return False


@cache
def _version(path: str) -> str:
    for name in _TELL:
        try:
            with open(f"{path}/{name}", "rb") as file:
                told = _VERSION.match(file.read(64))
        except OSError:
            continue
        if told:
            return told[1].decode()
    return ""
