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
    return f"{_installer(paths.CODE.parents[4])} {shlex.quote(_wanted(extra))}"


def _installer(prefix: Path) -> str:
    """The words in front of the requirement, by what the installer left in the environment."""
    if (prefix / "uv-receipt.toml").exists():
        return "uv tool install"
    if (prefix / "pipx_metadata.json").exists():
        return "pipx install --force"
    python = shlex.quote(sys.executable)
    # An environment of uv's has no pip.
    return f"uv pip install --python {python}" if _noted("INSTALLER").strip() == "uv" else f"{python} -m pip install"


def _wanted(extra: str) -> str:
    """The requirement. It names where this came from: another package may have our name on an index."""
    import json

    try:
        origin = json.loads(_noted("direct_url.json") or "{}")
    except ValueError:
        origin = {}
    url = origin.get("url")
    if not url:
        return f"defer[{extra}]"
    return f"defer[{extra}] @ {'git+' if 'vcs_info' in origin else ''}{url}"


def _noted(name: str) -> str:
    """What the installer noted under that name beside the package; nothing where it did not."""
    from importlib import metadata

    try:
        return metadata.distribution("defer").read_text(name) or ""
    except metadata.PackageNotFoundError:
        return ""
