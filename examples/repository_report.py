#!/usr/bin/env python3
"""An executor that does real work: what a repository has open and what happened to it last.

Usage: a task on standard input, as run-deferred.sh hands it over. The repository is the working
directory (schedule with --workspace); the report goes to the task's first artifact.

Exit: 0 done, with a summary on stdout and in DEFER_RESULT_FILE; 78 the task names no artifact.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

OPEN = re.compile(r"\b(TODO|FIXME)\b[:(].*")
SKIPPED = {".git", ".venv", "node_modules", "__pycache__"}


def open_items(top: Path) -> list[str]:
    """Every marked line, as ``file:line: text``."""
    found = []
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.endswith("_cache"))
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and path.stat().st_size < 1_000_000:
                lines = enumerate(path.read_text(errors="replace").splitlines(), 1)
                marked = ((number, OPEN.search(line)) for number, line in lines)
                found += [f"{path.relative_to(top)}:{number}: {mark[0]}" for number, mark in marked if mark]
    return found


def last_commits(top: Path) -> list[str]:
    """The last ten commits, newest first; none where there is no Git or no history."""
    try:
        log = subprocess.run(
            ["git", "-C", str(top), "log", "-10", "--format=%as %h %s"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return log.stdout.splitlines()


def main() -> int:
    task = json.load(sys.stdin)
    artifacts = task["context"]["artifacts"]
    if not artifacts:
        print("the task names no artifact to write the report to", file=sys.stderr)
        return 78
    commits, items = last_commits(Path.cwd()), open_items(Path.cwd())
    report = [f"# {task['context']['summary']}", "", "## Last commits", "", *(f"- {commit}" for commit in commits)]
    report += ["", "## Open items", "", *(f"- {item}" for item in items or ["none"])]
    Path(artifacts[0]).write_text("\n".join(report) + "\n")
    summary = f"{len(commits)} commits and {len(items)} open items in {artifacts[0]}"
    Path(os.environ["DEFER_RESULT_FILE"]).write_text(json.dumps({"summary": summary, "artifacts": artifacts[:1]}))
    print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
