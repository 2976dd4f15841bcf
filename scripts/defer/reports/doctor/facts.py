"""What is told of an installation whatever is wrong with it: where things are, and how old they are."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any

from defer import fsio, instants
from defer.errors import DeferError
from defer.timegrammar import zonedata

from . import keeping
from .subject import Subject


def facts(subject: Subject) -> dict[str, Any]:
    """Each by its name; None for what is not there or cannot be told."""
    wake = subject.wakes_config
    last = subject.store.markers.last_wake()
    zone, data = _zone(subject)
    return {
        "store": str(subject.config.tasks_file),
        "store_bytes": _size(subject),
        "file_system": keeping.kind_of(subject.config.tasks_file.parent),
        "settings_file": _text(subject.config.settings_file),
        "settings_file_of_wakes": _text(wake.settings_file),
        "path_of_wakes": wake.get("PATH") or os.defpath,
        "last_wake": instants.to_text(last) if last else None,
        "daemon": subject.standing.daemon,
        "python": f"{platform.python_version()} ({sys.executable})",
        "zone": zone,
        "tzdata": data,
    }


def _text(path: object) -> str | None:
    return None if path is None else str(path)


def _size(subject: Subject) -> int | None:
    try:
        state = fsio.stat(subject.config.tasks_file)
    except OSError:
        return None
    return None if state is None else state.st_size


def _zone(subject: Subject) -> tuple[str | None, str | None]:
    """The zone of wakes, and whose data it is read from."""
    try:
        zone = subject.wakes_config.timezone().key
    except DeferError:
        return None, None
    data = zonedata.origin(zone)
    return zone, f"{data.version or 'of unknown version'}, from {data.place}" if data else None
