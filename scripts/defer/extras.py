"""How to bring an optional dependency, which depends on how this code came."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from . import paths


def remedy(extra: str) -> str:
    """The command that brings an extra of ours, such as ``notify``, to this very installation."""
    came = paths.kind()
    if came == paths.CLONE:
        return f"make install EXTRAS={extra}"
    if came == paths.COPY:
        return f"python3 {shlex.quote(str(paths.SCRIPTS / 'bootstrap.py'))} --extra {extra}"
    return f"{_installer(paths.CODE.parent)} {shlex.quote(_wanted(extra))}"


def _installer(package: Path) -> str:
    """The words in front of the requirement, by what the installer left in the environment."""
    prefix = package.parents[3]
    if (prefix / "uv-receipt.toml").exists():
        return "uv tool install"
    if (prefix / "pipx_metadata.json").exists():
        return "pipx install --force"
    return f"{shlex.quote(sys.executable)} -m pip install"


def _wanted(extra: str) -> str:
    """The requirement. It names where this came from: another package may have our name on an index."""
    import json
    from importlib import metadata

    try:
        noted = metadata.distribution("defer").read_text("direct_url.json")
        origin = json.loads(noted) if noted else {}
    except (metadata.PackageNotFoundError, ValueError):
        origin = {}
    url = origin.get("url")
    if not url:
        return f"defer[{extra}]"
    return f"defer[{extra}] @ {'git+' if 'vcs_info' in origin else ''}{url}"
