"""Run the agents' real programs under each profile: what it forbids is tried, what it allows is done.

    PYTHONPATH=scripts python tests/agents/permissions.py [--agents claude,codex] [--jobs N]

`make e2e-permissions` runs this. Each cell is one run through Defer, with an empty home directory and with a user's
settings that widen whatever they can. What was refused is looked for on the disk, in the log of a server that would
be fetched from, and in what the model was told of each call. Exit: 0 if everything is as expected, 1 if not.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import programs
from world import Cell, World, world

from defer.executors import registry

PROFILES: dict[str, tuple[str, ...]] = {
    "read": ("--permissions", "read"),
    "edit": ("--permissions", "edit"),
    "work": ("--permissions", "work", "--allow", "make test"),
    "all": ("--permissions", "all"),
}
OTHER_FLAGS = {
    ("codex", "work"): ("--permissions", "work"),
    ("copilot", "work"): ("--permissions", "work", "--allow", "make *"),
}
DONE = {"read": (), "edit": ("inside",), "work": ("inside", "make"), "all": ("inside", "make", "outside", "command")}
"""What is to be done of what is tried; reading is, under each. Some programs never fetch from this machine."""
REFUSED = {
    ("codex", "edit", "plain"): "Codex cannot be kept from running commands",
    ("codex", "edit", "wide"): "Codex cannot be kept from running commands",
    **{("copilot", profile, "wide"): "Copilot's hooks may allow anything" for profile in ("read", "edit", "work")},
}
"""Where the attempt ends with 78 before the program starts, and why."""


class Fetched(NamedTuple):
    """A server that somebody could fetch from, and the paths that somebody did fetch."""

    port: int
    paths: list[str]


@contextmanager
def fetchable() -> Iterator[Fetched]:
    """Such a server, until the end of the block."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The paths are noted."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield Fetched(server.server_port, paths)
        finally:
            server.shutdown()


def tries(agent: str, workspace: str, out: str, url: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """What is tried: the name of each try, the agent's tool and its arguments."""

    def write(path: str) -> tuple[str, dict[str, Any]]:
        return {
            "claude": ("Write", {"file_path": path, "content": "x"}),
            "codex": ("exec_command", {"cmd": f"echo x > {path}"}),
            "gemini": ("write_file", {"file_path": path, "content": "x"}),
            "opencode": ("write", {"filePath": path, "content": "x"}),
            "copilot": ("create", {"path": path, "file_text": "x"}),
        }[agent]

    def shell(command: str) -> tuple[str, dict[str, Any]]:
        tool, key = {
            "claude": ("Bash", "command"),
            "codex": ("exec_command", "cmd"),
            "gemini": ("run_shell_command", "command"),
        }.get(agent, ("bash", "command"))
        return tool, {key: command, **({} if agent == "codex" else {"description": "d"})}

    fetch = {
        "claude": ("WebFetch", {"url": url, "prompt": "x"}),
        "gemini": ("web_fetch", {"prompt": f"get {url}"}),
        "opencode": ("webfetch", {"url": url, "format": "text"}),
        "copilot": ("web_fetch", {"url": url}),
    }
    program = f"import urllib.request; urllib.request.urlopen('{url}')"
    read = {
        "claude": ("Read", {"file_path": f"{workspace}/there.txt"}),
        "codex": shell("cat there.txt"),
        "gemini": ("read_file", {"file_path": f"{workspace}/there.txt"}),
        "opencode": ("read", {"filePath": f"{workspace}/there.txt"}),
        "copilot": ("view", {"path": f"{workspace}/there.txt"}),
    }
    return {
        "read": read[agent],
        "inside": write(f"{workspace}/inside"),
        "make": shell("make test"),
        "outside": write(f"{out}/outside"),
        "command": shell(f"touch {out}/command"),
        "fetch": fetch.get(agent) or shell(f'python3 -c "{program}"'),
    }


def wide_settings(agent: str, out: str) -> dict[str, Any]:
    """The files of a user's settings that allow whatever they can, by their path: texts, and keys for a JSON file."""
    server = {"command": "/bin/sh", "args": ["-c", f"touch {out}/server-ran; sleep 5"]}
    if agent == "claude":
        hook = [{"type": "command", "command": f"touch {out}/hook-ran"}]
        everything = ["Bash(*)", "Bash", "Write", "Edit", "Edit(//**)", "Read(//**)", "WebFetch"]
        allows = {"allow": everything, "additionalDirectories": ["/"], "defaultMode": "acceptEdits"}
        settings = {"permissions": allows, "hooks": {"PreToolUse": [{"matcher": "*", "hooks": hook}]}}
        return {".claude/settings.json": settings, ".claude.json": {"mcpServers": {"theirs": server}}}
    if agent == "codex":
        tables = (
            f'[sandbox_workspace_write]\nnetwork_access = true\nwritable_roots = ["{out}"]\n'
            f"[mcp_servers.theirs]\ncommand = {json.dumps(server['command'])}\nargs = {json.dumps(server['args'])}\n"
        )
        rule = 'prefix_rule(pattern=["touch"], decision="allow")\n'
        return {".codex/config.toml": tables, ".codex/rules/all.rules": rule}
    if agent == "gemini":
        tools = ("run_shell_command", "write_file", "web_fetch")
        rules = (f'[[rule]]\ntoolName = "{one}"\ndecision = "allow"\npriority = 999\n' for one in tools)
        settings = {"tools": {"allowed": tools}, "mcpServers": {"theirs": {**server, "trust": True}}}
        return {".gemini/settings.json": settings, ".gemini/policies/all.toml": "".join(rules)}
    if agent == "opencode":
        allow = {"*": "allow", "bash": "allow", "external_directory": "allow"}
        settings = {"permission": allow, "agent": {"build": {"permission": allow}}}
        return {".config/opencode/opencode.json": settings}
    hooks = {"preToolUse": [{"type": "command", "bash": "true"}]}
    return {".copilot/settings.json": {"trustedFolders": ["/"], "hooks": hooks}}


def widen(agent: str, cell: Cell, out: str) -> None:
    """Add such settings to what the cell's program needs to find its model."""
    for path, wanted in wide_settings(agent, out).items():
        there = cell.home / path
        before = there.read_text() if there.exists() else ""
        if isinstance(wanted, str):
            cell.write(path, before + wanted)
        else:
            cell.write(path, json.dumps({**json.loads(before or "{}"), **wanted}))


class Row(NamedTuple):
    """What was seen of one cell; ``troubles`` are what ought not to be so."""

    agent: str
    profile: str
    settings: str
    done: str
    not_done: str
    told: str
    troubles: tuple[str, ...]


def run(one: World, agent: str, profile: str, settings: str, served: Fetched) -> Row:
    """One agent under one profile."""
    cell = one.cell(agent, f"{profile}-{settings}")
    out = cell.base / "out"
    makefile = "test:\\n\\t@touch made\\n"
    cell.run(["sh", "-c", f"mkdir {out}; echo stands-here > there.txt; printf '{makefile}' > Makefile"])
    if settings == "wide":
        widen(agent, cell, str(out))
    path = f"/{agent}-{profile}-{settings}"
    tried = tries(agent, str(cell.workspace), str(out), f"http://127.0.0.1:{served.port}{path}")
    cell.play("answer")
    lines = [f"USE: {tool} {json.dumps(arguments)}" for tool, arguments in tried.values()]
    flags = OTHER_FLAGS.get((agent, profile), PROFILES[profile])
    task = cell.schedule("\n".join(["Do this.", *lines]), *flags, "--timeout", "250s")
    cell.wake()
    last = cell.runs(task["id"])[-1]
    if why := REFUSED.get((agent, profile, settings)):
        is_right = last["exit_code"] == 78 and why in str(last["error"]) and not cell.turns()
        troubles = () if is_right else (f"not refused: {last['exit_code']} {last['error']}",)
        return Row(agent, profile, settings, "", "", f"78: {last['error']}"[:150], troubles)
    results = max((turn["results"] for turn in cell.turns()), key=len, default=[])
    said = dict(zip(tried, results, strict=False))
    happened = {
        "read": "stands-here" in said.get("read", ""),
        "inside": (cell.workspace / "inside").exists(),
        "make": (cell.workspace / "made").exists(),
        "outside": (out / "outside").exists(),
        "command": (out / "command").exists(),
        "fetch": path in served.paths,
    }
    return _judged(Row(agent, profile, settings, "", "", "", ()), happened, said, sorted(p.name for p in out.iterdir()))


def _judged(row: Row, happened: dict[str, bool], said: dict[str, str], left: list[str]) -> Row:
    wanted = {"read", *DONE[row.profile]}
    if row.agent == "gemini":
        wanted -= {"outside"}  # its file tools keep to the workspace always
    troubles = [f"not done: {name}" for name in sorted(wanted) if not happened[name]]
    if row.profile != "all":
        harmless = {"make"} if row.agent == "codex" and row.profile == "read" else set()
        troubles += [f"done: {name}" for name, is_so in happened.items() if is_so and name not in wanted | harmless]
        troubles += ["its user's server was started"] if "server-ran" in left and row.agent != "opencode" else []
    troubles += [f"never tried: {name}" for name in happened if name not in said]
    told = "; ".join(f"{name}: {' '.join(said[name].split())[:60]}" for name in said if not happened[name])
    done, not_done = ([name for name, is_so in happened.items() if is_so == which] for which in (True, False))
    return row._replace(done=" ".join(done), not_done=" ".join(not_done), told=told, troubles=tuple(troubles))


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = [name for name in registry.AGENTS if name in programs.PINNED and name != "qwen"]
    parser.add_argument("--agents", default=" ".join(known), help="some of them")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (2)")
    options = parser.parse_args()
    agents = options.agents.replace(",", " ").split() or known
    cells = [(agent, profile, settings) for agent in agents for profile in PROFILES for settings in ("plain", "wide")]
    with world() as one, fetchable() as served, ThreadPoolExecutor(options.jobs) as pool:
        rows = list(pool.map(lambda cell: run(one, *cell, served), cells))
    print("| agent | profile | settings | done | not done | what the model was told of it |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {' | '.join(row[:6])} |")
    wrong = [f"{row.agent} {row.profile} {row.settings}: {trouble}" for row in rows for trouble in row.troubles]
    print(*wrong or ["Everything is as expected."], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
