"""Whether a coding agent's program can work at all, told before it starts and without asking its service.

Only what is certain is told. A login may come from a variable, a file, a helper, a gateway, a cloud's own login, a key
ring, an administrator's settings or a wrapper around the program: where anything hints at one of them, nothing is said
and the program finds out itself. Checked with claude 2.1.197, codex 0.169.0, gemini 0.61.0, copilot 1.0.102 and
qwen 0.15.10. opencode has no entry: it knows too many ways, and a free one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from defer import homedir

from . import marks, registry

_MOST_BYTES = 1 << 20


class Login(NamedTuple):
    """Where the login of an agent may come from, and how to mend its absence.

    Paths begin with ``~/``, with ``@/`` for the agent's own directory, or with ``/``. ``own``: the variable that names
    that directory, and where it is without. ``made``: which files are the maker's program, by their path, links
    resolved. ``variables``: those that may log it in, or lead to what does. ``files``: their presence may.
    ``settings``: they may if they say ``hint``. ``above``: the same for files below the workspace or a directory above
    it; a ``.env`` counts by its presence. ``others``: programs whose login it may use.
    """

    own: tuple[str, str]
    made: str
    variables: str
    files: tuple[str, ...]
    settings: tuple[str, ...]
    hint: str
    above: tuple[str, ...]
    mend: str
    others: tuple[str, ...] = ()
    has_key_ring: bool = False
    """Whether macOS keeps its login where no file tells of it."""


LOGINS = {
    "claude": Login(
        own=("CLAUDE_CONFIG_DIR", "~/.claude"),
        made=r"/claude-code/|/claude/versions/[^/]+$",
        # Not all that begin with CLAUDE_CODE: a session of Claude Code sets some for what it starts.
        variables=r"ANTHROPIC_.+|CLAUDE_CODE_(?:USE|SKIP|HOST|CLIENT|API|CUSTOM)_.+"
        r"|CLAUDE_.*(?:TOKEN|KEY|AUTH|PROVIDER|GATEWAY|REMOTE|SETTINGS|DESCRIPTOR|STORAGE).*",
        files=("@/.credentials.json", "@/remote-settings.json", "~/.config/anthropic", "/etc/claude-code"),
        settings=("@/settings.json", "@/settings.local.json", "@/.claude.json", "@/.config.json", "~/.claude.json"),
        hint=r"\"env\"|apikey\"|helper|auth|gateway|provider",
        above=(".claude/settings.json", ".claude/settings.local.json"),
        mend="run claude and log in, or set ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN in the settings file",
        has_key_ring=True,
    ),
    "codex": Login(
        own=("CODEX_HOME", "~/.codex"),
        made=r"/@openai/codex[^/]*/|/codex(?:-[^/]*)?$",
        # It asks its service without a login, too: a proxy may put one in.
        variables=r"(?:OPENAI|AZURE|AWS)_.+|CODEX_.*(?:KEY|TOKEN|AUTH|URL|PROVIDER|OSS|SECRET|CONFIG|CERTIFICATE).*"
        r"|(?i:https?|all)_(?i:proxy)|SSL_CERT_(?:FILE|DIR)",
        files=("@/auth.json", "@/.env", "/etc/codex", "/Library/Managed Preferences/com.openai.codex.plist"),
        settings=("@/config.toml", "@/managed_config.toml"),
        hint=r"provider|base_url|profile|credentials_store|auth|oss|key|token|secret",
        above=(".codex/config.toml",),
        mend="run codex login, or set CODEX_API_KEY in the settings file",
    ),
    "gemini": Login(
        own=("", "~/.gemini"),
        made=r"/gemini-cli/",
        variables=r"(?:GEMINI|GOOGLE|GCLOUD|CLOUDSDK)_.+|CLOUD_SHELL",
        files=(
            *("@/oauth_creds.json", "@/gemini-credentials.json", "@/.env", "~/.env"),
            *("/etc/gemini-cli", "/Library/Application Support/GeminiCli"),
        ),
        settings=("@/settings.json",),
        hint=r"auth|\$|key|gateway|vertex",
        above=(".env", ".gemini/.env", ".gemini/settings.json"),
        mend="run gemini and log in, or set GEMINI_API_KEY in the settings file",
    ),
    "copilot": Login(
        own=("COPILOT_HOME", "~/.copilot"),
        made=r"/@github/copilot[^/]*/",
        variables=r"(?:COPILOT|GH|GITHUB)_.*(?:TOKEN|KEY|PROVIDER|AUTH|HMAC|URL|HOST|OFFLINE).*|XDG_CONFIG_HOME",
        files=("~/.config/gh", "~/.config/github-copilot"),
        settings=("@/config.json", "@/settings.json"),
        # It writes the time of its first start by itself; every other entry was made with somebody present.
        hint=r"\"(?!firstLaunchAt\")\w+\"\s*:",
        above=(),
        mend="run copilot and use /login, or set COPILOT_GITHUB_TOKEN in the settings file",
        others=("gh",),
        has_key_ring=True,
    ),
    "qwen": Login(
        own=("QWEN_HOME", "~/.qwen"),
        made=r"/qwen-code/",
        variables=r".+_API_KEY.*|(?:QWEN|OPENAI|DASHSCOPE|BAILIAN|GEMINI|GOOGLE|ANTHROPIC)_.+",
        files=("@/oauth_creds.json", "@/.env", "~/.env", "/etc/qwen-code", "/Library/Application Support/QwenCode"),
        settings=("@/settings.json",),
        hint=r"auth|\$|key|provider|token",
        above=(".env", ".qwen/.env", ".qwen/settings.json"),
        mend="run qwen and use /auth, or set OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL in the settings file",
    ),
}


def trouble(agent: str, search_path: str, workspace: Path, variables: Mapping[str, str]) -> str | None:
    """Why the agent cannot work for anybody with these ``variables``: it is certainly not logged in; None in doubt.

    Says nothing of a program that is not there: ``registry.doubt`` does. It starts nothing, looks at some dozen files
    and reads no file that holds a login.
    """
    login = LOGINS.get(agent)
    home = homedir.find(variables, of_account=True)
    if login is None or home is None or (login.has_key_ring and sys.platform == "darwin"):
        return None
    programs = (registry.program(one, search_path, os.curdir) for one in registry.SHIPPED[agent].programs)
    found = next(filter(None, programs), None)
    if found is None or not _is_makers(found, login, search_path) or _may_be_logged_in(login, home, variables):
        return None
    if any(registry.program(one, search_path, os.curdir) for one in login.others):
        return None
    own = _own(login, home, variables)
    if any(_hints(path, login) for path in _around(login, home, own, workspace)):
        return None
    return f"not logged in: nothing in the environment, in {own} or in the settings around it logs it in ({login.mend})"


def of_executor(named: str, workspace: str, search_path: str, variables: Mapping[str, str]) -> str | None:
    """The same by what an executor is called; None for what does not start an agent of ours."""
    if not registry.is_agent(named):
        return None
    what = trouble(os.path.basename(named), search_path, Path(workspace), variables)
    return what and f"executor {named}: {what}"


def _is_makers(program: str, login: Login, search_path: str) -> bool:
    """Whether it is the maker's own program: a wrapper or a version manager's link may bring a login of its own."""
    path = os.path.realpath(program)
    try:
        with open(path, "rb") as file:
            first = file.read(128).split(b"\n", 1)[0]
    except OSError:
        return False
    if re.search(login.made, path) is None:
        return False
    if not first.startswith(b"#!"):
        return True
    if "/node_modules/" not in path:
        return False
    node = registry.program("node", search_path, os.curdir)
    return first.endswith(b"node") and node is not None and os.path.basename(os.path.realpath(node)) == "node"


def _may_be_logged_in(login: Login, home: Path, variables: Mapping[str, str]) -> bool:
    set_by_users = {name for name, value in variables.items() if value} - marks.OF_SESSIONS
    if any(re.fullmatch(login.variables, name) for name in set_by_users):
        return True
    own = _own(login, home, variables)
    return any(_is_there(_path(written, home, own)) for written in login.files)


def _own(login: Login, home: Path, variables: Mapping[str, str]) -> Path:
    variable, usual = login.own
    return Path(variables.get(variable) or _path(usual, home, home))


def _path(written: str, home: Path, own: Path) -> Path:
    return {"~": home, "@": own}.get(written[0], Path("/")) / written[1:].lstrip("/")


def _around(login: Login, home: Path, own: Path, workspace: Path) -> Iterator[Path]:
    yield from (_path(written, home, own) for written in login.settings)
    here = Path(os.path.realpath(workspace))
    yield from (directory / name for directory in (here, *here.parents) for name in login.above)


def _is_there(path: Path) -> bool:
    """Whether there is something, or may be: where we may not look, another user's directory, say, nothing is sure."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _hints(path: Path, login: Login) -> bool:
    """Whether these settings may log it in. Never read: what may hold nothing but keys."""
    if not _is_there(path):
        return False
    if path.name == ".env" or not os.path.isfile(path):
        return True
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError:
        return True
    return len(text) > _MOST_BYTES or re.search(login.hint, text.decode("utf-8", "replace"), re.IGNORECASE) is not None
