"""Break the code on purpose, one place at a time, and show which test sees it (``make mutations``).

Each mutation is made in a copy of the tree; the test named beside it must fail there, and must pass
in an unbroken copy. A mutation whose place is gone from the code is an error: mend this table.
"""

# ruff: noqa: E501, ISC004 - code is quoted as it stands
from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("scripts", "tests", "references", "requirements", "pyproject.toml", "conftest.py")


class Mutation(NamedTuple):
    """What is broken: in ``file``, each ``old`` becomes its ``new``; ``test`` must see it."""

    name: str
    file: str
    changes: tuple[tuple[str, str], ...]
    test: str


LOSS = "tests/crash/test_power_loss.py::test_row_2_power_loss_after_it_was_done"
DEEP_LOSS = "tests/crash/test_power_loss.py::test_row_2_and_15_power_loss_after_others_went_on_where_one_died"
FAULTS = "tests/crash/test_faults.py::test_row_1_and_3_a_fault_at_every_operation"
LONG = "tests/crash/test_long_lived.py::"
OUTSIDE = "tests/crash/test_from_outside.py::"
UNIT = "tests/unit/"

MUTATIONS = [
    Mutation(
        "leave out the fsync of an append", "fsio.py",
        (("                write_all(fd, chunk)\n            kernel.fsync(fd)\n", "                write_all(fd, chunk)\n"),),
        f"{LOSS}[schedule]",
    ),
    Mutation(
        "take a lock whose file is gone", "locking.py",
        (("            return os.fstat(self._fd).st_nlink > 0\n", "            return True\n"),),
        f"{UNIT}test_locking.py::test_a_lock_file_that_is_removed_as_we_take_it_guards_nothing",
    ),
    Mutation(
        "take the lock without asking for it", "locking.py",
        (("            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", ""),),
        f"{UNIT}test_locking.py::test_whoever_holds_it_by_filelock_shuts_us_out",
    ),
    Mutation(
        "leave out the fsync of a rewrite", "fsio.py",
        (("            if sync:\n                kernel.fsync(fd)\n", ""),),
        f"{LOSS}[rewrite]",
    ),
    Mutation(
        "drop the directory fsync after a rename", "fsio.py",
        (("    if sync:\n        sync_directory(path.parent)\n", ""),),
        f"{LOSS}[archive, slow disk]",
    ),
    Mutation(
        "do not sync a new file's name", "fsio.py",
        (("            _sync_names(path)\n", "            pass\n"),),
        f"{LOSS}[schedule, first of all]",
    ),
    Mutation(
        "skip the truncate after a failed write", "fsio.py",
        (("                kernel.truncate(fd, before)\n", "                pass\n"),),
        f"{FAULTS}[schedule batch-short]",
    ),
    Mutation(
        "write a rewrite into the store itself", "fsio.py",
        (
            ('    new = path.with_name(f"{_front(path)}{os.urandom(8).hex()}.new")\n', "    new = path\n"),
            ("with opened(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL", "with opened(new, os.O_WRONLY | os.O_TRUNC"),
            ("        kernel.rename(new, path)\n", ""),
        ),
        f"{FAULTS}[rewrite-kill-half]",
    ),
    Mutation(
        "archive after removing", "store/jsonl.py",
        (
            ("filed = filing.file(unfiled, self._archive_dir, self._runs_dir, whole=not is_ours)", "filed = []"),
            (
                "            self._mark_rest(now, look_by)\n        return filed",
                "            filed = filing.file(unfiled, self._archive_dir, self._runs_dir, whole=not is_ours)\n"
                "            self._mark_rest(now, look_by)\n        return filed",
            ),
        ),
        f"{FAULTS}[archive-kill-after]",
    ),
    Mutation(
        "drop what stands in the archive already without syncing it", "store/archive.py",
        (("        fsio.sync(path)\n", "        pass\n"),),
        f"{DEEP_LOSS}[archive-kill-after]",
    ),
    Mutation(
        "file again what is in the archive already", "store/archive.py",
        (('        missing.pop(line + b"\\n", None)\n', "        pass\n"),),
        f"{FAULTS}[archive-kill-after]",
    ),
    Mutation(
        "build on what a dead process left unsynced", "store/jsonl.py",
        (("    def _make_durable(self) -> None:\n", "    def _make_durable(self) -> None:\n        return\n\n    def _unused(self) -> None:\n"),),
        f"{DEEP_LOSS}[archive-kill-after]",
    ),
    Mutation(
        "say yes to what is there already without syncing it", "store/jsonl.py",
        (("                # A record that was there already is acknowledged too.\n                self._make_durable()\n", "                pass\n"),),
        "tests/crash/test_power_loss.py::test_row_2_and_15_a_task_that_is_there_already_may_be_one_that_was_never_synced",
    ),
    Mutation(
        "let the index's file go, and its number with it", "store/index.py",
        (("        self._hold(stream)\n", ""),),
        f"{LONG}test_row_9_a_file_number_that_comes_back_is_not_the_same_file",
    ),
    Mutation(
        "take no lock", "store/jsonl.py",
        (("            with v1locks.none_writing(self._lock_path, patience, self._v1_lock):\n", "            if True:\n"),),
        f"{LONG}test_row_9_the_lock_keeps_writers_apart",
    ),
    Mutation(
        "start the executor before its identity is written", "run/wake.py",
        (
            (
                "        try:\n            started = settling.change(",
                "        self._let_run(attempt, attempt.task)\n        try:\n            started = settling.change(",
            ),
            ("        else:\n            self._let_run(attempt, started)\n", ""),
        ),
        f"{FAULTS}[settle retry-kill-after]",
    ),
    Mutation(
        "ignore run_id at settle", "run/settling.py",
        ((" and run_id(current) == run_id(mine)", ""),),
        f"{LONG}test_row_7_an_outcome_that_comes_too_late_is_dropped",
    ),
    Mutation(
        "put back an attempt that has begun since it was judged", "run/settling.py",
        ((" and leader_of(current) == leader_of(one)", ""),),
        f"{UNIT}run/test_holders.py::TestALeaseTells::test_one_that_begins_while_it_is_judged_is_not_run_a_second_time",
    ),
    Mutation(
        "give an attempt up while its executor lives", "record/holders.py",
        (("    if not leader:\n        return LOST\n", "    return LOST\n"),),
        "tests/unit/record/test_holders.py::test_a_living_leader_is_left_to_its_deadline",
    ),
    Mutation(
        "believe a pid without its start time", "process.py",
        (('    return start is not None and start == known["start"]\n', "    return start is not None\n"),),
        f"{OUTSIDE}test_row_8_a_pid_that_is_used_again",
    ),
    Mutation(
        "believe a process of another boot", "process.py",
        (('    if known.get("boot") != _boot_id():\n        return False\n', ""),),
        f"{OUTSIDE}test_row_8_after_a_reboot_nobody_is_taken_for_alive",
    ),
    Mutation(
        "let the executor inherit the store's files", "process.py",
        (
            ("            start_new_session=True,\n", "            start_new_session=True,\n            close_fds=False,\n"),
            ("import os\nimport signal\n", "import os\nimport signal\n\nfrom . import fsio\n\n_open = fsio.Kernel.reader\n\n\ndef _leaky(self, path):\n    stream = _open(self, path)\n    os.set_inheritable(stream.fileno(), True)\n    return stream\n\n\nfsio.Kernel.reader = _leaky\n"),
        ),
        f"{OUTSIDE}test_row_7_and_10_an_executor_inherits_no_file_of_the_store",
    ),
    Mutation(
        "count an attempt that was put off", "record/outcome.py",
        (('int(ended.get("attempts") or 0) - deferrals["total"]', 'int(ended.get("attempts") or 0)'),),
        f"{LONG}test_row_3_an_attempt_put_off_counts_as_no_retry",
    ),
    Mutation(
        "compare times as text in the local zone", "store/index.py",
        (("instants.to_text(horizon)", 'horizon.astimezone().strftime("%Y-%m-%dT%H:%M:%SZ")'),),
        f"{LONG}test_row_11_the_machine_may_be_in_any_zone",
    ),
    Mutation(
        "forget to bring the due marker forward", "store/markers.py",
        (("            self._bring_forward(wake_at)\n", "            pass\n"),),
        f"{FAULTS}[schedule, sooner than all-EIO]",
    ),
    Mutation(
        "bring the due marker forward after the append", "store/markers.py",
        (
            ("            self._bring_forward(wake_at)\n", "            self._later = wake_at\n"),
            ("        # The append is done. Without", "        if hasattr(self, '_later'):\n            self._bring_forward(self._later)\n        # The append is done. Without"),
        ),
        f"{FAULTS}[schedule, sooner than all, within a tick-kill-after]",
    ),
    Mutation(
        "sleep for longer than the store was looked ahead", "store/jsonl.py",
        (("        next_due = min([known.horizon, *map(", "        next_due = min([now + HORIZON, *map("),),
        f"{LONG}test_row_7_what_a_runner_did_not_look_ahead_to_is_not_slept_through",
    ),
    Mutation(
        "leave a torn line in the store", "store/jsonl.py",
        (("        fsio.truncate(self.path, torn_at)\n", ""),),
        "tests/crash/test_torn.py::test_row_4_the_store_cut_at_every_byte[schedule]",
    ),
    Mutation(
        "work on whatever an open brings", "syscalls.py",
        (("                trust.check_kind(os.fstat(fd), path)\n", "                pass\n"),),
        f"{UNIT}test_hostile_files.py::test_a_fifo_is_named_by_each_command_that_needs_the_file",
    ),
    Mutation(
        "let every user write what is worked with", "trust.py",
        (("    if state.st_mode & stat.S_IWOTH:\n        mode", "    if False:\n        mode"),),
        f"{UNIT}store/test_places.py::test_a_directory_that_every_user_may_write_is_refused",
    ),
    Mutation(
        "read a result that has another name", "executors/handover.py",
        ((" if state.st_nlink > 1 else None", " if False else None"),),
        f"{UNIT}executors/test_handover.py::test_a_hard_link_is_not_read_and_only_its_name_is_removed",
    ),
    Mutation(
        "let a session's id begin with a dash", "executors/names.py",
        (('SESSION = r"[A-Za-z0-9]', 'SESSION = r"[A-Za-z0-9-]'),),
        f"{UNIT}executors/test_names.py::test_what_is_none",
    ),
    Mutation(
        "mask overlapping secrets one by one", "settings/masking.py",
        (("            shown = max(shown, end)\n", "            shown = max(shown, end) if start >= shown else shown\n"),),
        f"{UNIT}settings/test_masking.py::test_what_secrets_cover_together_is_one_mask_wherever_it_is_cut",
    ),
    Mutation(
        "leave the lines of a quotation unmarked", "run/prompt.py",
        (('f"> {line}" if line else ">"', 'f"{line}"'),),
        f"{UNIT}run/test_prompt.py::test_no_quoted_text_leaves_its_place",
    ),
    Mutation(
        "show direction marks as they are", "visible.py",
        ((r"\u2028-\u202e\u2066-\u206f\ufeff\ufff9", r"\ufeff\ufff9"),),
        f"{UNIT}test_visible.py::test_what_would_be_obeyed_is_shown",
    ),
    Mutation(
        "rewrite a line without comparing what it says", "record/codec.py",
        (("ours != line and _exact(ours) == _exact(line)", "ours != line"),),
        f"{UNIT}record/test_codec.py::test_a_line_in_our_own_form_says_what_it_said_or_is_left_as_it_is",
    ),
    Mutation(
        "append while a v1 writer is at work", "store/v1locks.py",
        (("            if held_by is None:\n                yield", "            if True:\n                yield"),),
        f"{UNIT}store/test_v1locks.py::TestWriters::test_wait_for_a_v1_writer",
    ),
]  # fmt: skip


def copy_tree(into: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy2(source, into / name)
    # The entries of a clone start the environment in it.
    (into / ".git").mkdir()
    (into / ".venv").symlink_to(ROOT / ".venv")


def run(tree: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    # The inherited-files mutation makes descriptors inheritable in Python, too.
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=tree, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def mutate(tree: Path, mutation: Mutation) -> bool:
    """Make the change; False if its place is not there, or not once."""
    path = tree / "scripts" / "defer" / mutation.file
    text = path.read_text()
    for old, new in mutation.changes:
        if text.count(old) != 1:
            return False
        text = text.replace(old, new)
    path.write_text(text)
    return True


def judge(mutation: Mutation) -> str:
    """``caught``, or what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(Path(folder))
        if not mutate(Path(folder), mutation):
            return "ITS PLACE IS GONE"
        status = run(Path(folder), [mutation.test]).returncode
        return {0: "NOT SEEN", 1: "caught"}.get(status, f"THE TEST DID NOT RUN ({status})")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(Path(folder))
        done = run(Path(folder), sorted({mutation.test for mutation in MUTATIONS}))
    if done.returncode:
        print(done.stdout[-3000:])
        print("the tests do not pass on the unbroken code")
        return 1
    wrong = 0
    print("| broken on purpose | in | found by | |\n|---|---|---|---|")
    for mutation in MUTATIONS:
        found = judge(mutation)
        wrong += found != "caught"
        print(f"| {mutation.name} | {mutation.file} | `{mutation.test.partition('::')[2]}` | {found} |", flush=True)
    print(f"\n{len(MUTATIONS) - wrong} of {len(MUTATIONS)} caught")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
