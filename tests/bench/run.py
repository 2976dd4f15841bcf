"""Summary: how fast, how small: every aim beside its limit, then others who do such work.

Usage: run.py [--quick] [--only WORD]… [--startup [CHECKOUT]] [--directory DIR]

A full run takes some ten minutes, wants a quiet machine and 2 GB of disk, and renews docs/cost.svg and the
tables in docs/speed.md. ``--quick`` takes a minute, measures smaller stores and writes nothing. ``--only``
keeps to the parts whose name has WORD in it, and writes nothing either. ``--startup`` prints instead how long each
command takes to start, of another checkout if one is named: one from before a change, to stand beside.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import cost
import peers
import startup
import table
import targets
from ground import ROOT, Ground
from measure import Failed

SPEED = ROOT / "docs" / "speed.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def machine(directory: Path) -> str:
    """What it was measured on."""
    model = platform.processor() or platform.machine()
    try:
        cpus = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in cpus if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    load = os.getloadavg()[0]
    busy = f"; a load of {load:.1f} by others when it began" if load > (os.cpu_count() or 1) / 4 else ""
    return (
        f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, {_file_system(directory)}, "
        f"Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}{busy}"
    )


def _file_system(directory: Path) -> str:
    """The type of file system that a directory is on, where that can be read."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "file system not known"
    holding = [(place, kind) for place, kind in mounts if directory.resolve().is_relative_to(place)]
    return max(holding, key=lambda mount: len(mount[0]))[1]


def say(text: str) -> None:
    """Progress, for who waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def measured(ground: Ground, words: list[str]) -> str:
    """All the tables, as Markdown."""
    where = machine(ground.directory)
    wanted = [part for part in targets.ALL if not words or any(word in part.__name__ for word in words)]
    lines: list[table.Line] = []
    for part in wanted:
        say(part.__name__.replace("_", " "))
        lines += part(ground)
    found = f"{where}.\n\n" + table.markdown(table.HEADINGS, [line.cells() for line in lines])
    if not words or "peers" in words:
        say("peers")
        found += "\n" + peers.measured(ground)
    return found


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a minute's worth; writes nothing")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="only the parts with WORD in them")
    parser.add_argument(
        "--startup", nargs="?", type=Path, const=ROOT, metavar="CHECKOUT", help="only how long commands take to start"
    )
    parser.add_argument("--directory", type=Path, default=Path("/var/tmp"), help="on a real disk (default: /var/tmp)")
    return parser.parse_args()


def main() -> int:
    """Measure, print, and keep what a full run found."""
    args = arguments()
    if _file_system(args.directory) == "tmpfs":
        say(f"{args.directory} is in memory: what is synced there costs nothing (give --directory on a disk)")
    with Ground(args.directory, args.quick) as ground:
        try:
            if args.startup:
                print(startup.measured(ground, args.startup.absolute()))
                return 0
            found = measured(ground, args.only)
            print(found)
            if not args.quick and not args.only:
                say("cost against size")
                (ROOT / "docs" / "cost.svg").write_text(cost.plot(ground))
                before, _, rest = SPEED.read_text().partition(BEGIN)
                SPEED.write_text(before + BEGIN + found + END + rest.partition(END)[2])
        except Failed as error:
            say(f"cannot go on: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
