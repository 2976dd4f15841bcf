"""The URLs of apprise, which knows a hundred services; the extra `notify` brings it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from defer import extras
from defer.notices import payload

from .undelivered import Undelivered


def missing() -> str:
    """That it is not there, and how to bring it."""
    return f"apprise is not installed ({extras.remedy('notify')})"


def is_installed() -> bool:
    """Whether the extra `notify` is there."""
    from importlib.util import find_spec

    return find_spec("apprise") is not None


def send(url: str, told: Mapping[str, Any]) -> None:
    """Send through apprise. Raises Undelivered."""
    try:
        apprise = import_module("apprise")
    except ImportError:
        raise Undelivered(missing()) from None
    # What it logs may name the URL.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    service = apprise.Apprise.instantiate(url, asset=apprise.AppriseAsset(app_id="defer", app_desc="defer"))
    if service is None:
        raise Undelivered("apprise does not know such a URL (see its list of services)")
    service.redirects = False
    is_good = told.get("event") in payload.GOOD
    kind = apprise.NotifyType.SUCCESS if is_good else apprise.NotifyType.WARNING
    if not service.notify(body=payload.body(told), title=payload.title(told), notify_type=kind):
        raise Undelivered("the service did not take it")
