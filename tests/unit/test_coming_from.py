"""docs/coming-from.md: every command of it is understood and does something, in a home that has what it speaks of."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from machine import FAKE_CRONTAB
from support import ROOT, Place, share_environment

pytestmark = [pytest.mark.programs, pytest.mark.slow]

PAGE = (ROOT / "docs" / "coming-from.md").read_text()
COMMANDS = sorted(set(re.findall(r"`defer ([^`]+)`", PAGE)))
EXECUTING = json.loads((ROOT / "tests" / "data" / "upgrade" / "landed.json").read_text())["files"]
STANDS_FOR = {
    "ID": "job",
    "X": "job",
    "N": "3",
    "FILE": "disk",
    "SESSION": "8b0d1d1c-6f0e-4f4c-9a53-3d7f6c1f2a10",
    "1h": "1s",  # nobody waits for an hour here
}
# What has something to tell by its exit status: a finding, a job left out, or that what is waited for has not ended.
TELLING = {"health": (0, 1), "doctor": (0, 1), "import": (1,), "wait": (75,)}
# What has to be so before.
FIRST = {"resume": ("pause", "job")}


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with a task `job`, which recurs and failed when it ran, one that executes elsewhere, and a task file."""
    place = Place(tmp_path_factory.mktemp("lived"))
    failing_once = f'echo no; [ -e "{place.base}/tried" ] || {{ touch "{place.base}/tried"; exit 1; }}'
    place.schedule("every 2h", "the job", "--id", "job", "--executor", place.executor(failing_once))
    assert place.defer("run", "job").returncode == 0
    place.wake()
    assert place.defer("add", "disk", "--when", "0 7 * * *", "--command", "df -h /").returncode == 0
    (place.home / "programs").mkdir()
    (place.home / "programs" / "crontab").write_text(FAKE_CRONTAB)
    (place.home / "programs" / "crontab").chmod(0o755)
    shutil.copy(place.executor("exit 0", "job.sh"), place.home)
    shutil.copy(ROOT / "tests" / "data" / "foreign" / "jobs.json", place.home)
    store = (
        EXECUTING["data/runtime/deferred.jsonl"].replace("@HOST@", "elsewhere").replace('"id":"long"', '"id":"held"')
    )
    with place.store_path.open("a") as file:
        file.writelines(line + "\n" for line in store.splitlines() if '"id":"held"' in line)
    return place


@pytest.mark.parametrize("typed", COMMANDS)
def test_a_command_of_the_page_works(typed: str, lived_in: Place, tmp_path: Path) -> None:
    place = Place(tmp_path)
    for name in ("home", "runtime"):
        shutil.copytree(lived_in.base / name, place.base / name, dirs_exist_ok=True)
    share_environment(place.home / ".local" / "share")
    place.store_path.write_text(place.store_path.read_text().replace(str(lived_in.home), str(place.home)))
    place.env |= {"PATH": f"{place.home}/programs:{place.env['PATH']}", "TAB": str(tmp_path / "tab")}
    words = [STANDS_FOR.get(word, word) for word in shlex.split(typed)]
    if "RUN" in words:
        words[words.index("RUN")] = place.runs()[0]["run_id"]
    if words[0] == "release":
        words[1] = "held"
    if words[0] in FIRST:
        assert place.defer(*FIRST[words[0]]).returncode == 0
    done = place.defer(*words)
    assert done.returncode in TELLING.get(words[0], (0,)), done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_page_speaks_of_each_scheduler_that_people_come_from() -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    assert headings[1:] == [
        "at",
        "cron and its mail",
        "systemd timers",
        "akm",
        "OpenClaw",
        "Hermes",
        "Claude Code's own scheduler",
        "healthchecks.io",
        "Agentica",
        "Yapflows",
    ]
