"""Run the coding agents' real programs through Defer in every case, and print one table of what came of it.

    PYTHONPATH=scripts python tests/agents/run.py [--agents claude,codex] [--cases answer] [--jobs N] [--stops N]

`make e2e-agents` runs this. The programs are installed outside the repository, from npm, and talk to a model on this
machine that costs nothing. Exit: 0 if everything is as expected, 1 if not.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import plugins
import programs
import record
import stops
from cases import CASES, SAMPLE, Seen
from expected import expected
from world import World, world


def main() -> int:
    """Parse, run, print."""
    options = _options()
    with world() as one:
        if options.record:
            return _record(one, options)
        if options.stops:
            return stops.run(one, options.agents, options.stops, options.jobs)
        differing = _matrix(one, options) if set(options.cases) != {plugins.CASE} else 0
        if plugins.CASE in options.cases:
            differing += plugins.run(one, options.agents)
        return 1 if differing else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, known in (("agents", list(programs.PINNED)), ("cases", [*CASES, plugins.CASE])):
        parser.add_argument(f"--{name}", type=_some_of(known), default=known, help="some of them, with commas between")
    parser.add_argument("--jobs", type=int, default=4, help="how many at a time (4)")
    parser.add_argument("--stops", type=int, default=0, help="stop each agent so often while a tool runs, instead")
    parser.add_argument("--record", action="store_true", help="record what the programs print, for the fast tests")
    return parser.parse_args()


def _some_of(known: list[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = [name for name in text.replace(",", " ").split() if name]
        if unknown := [name for name in found if name not in known and name not in record.RECORDINGS]:
            raise argparse.ArgumentTypeError(f"not known: {', '.join(unknown)} (known: {', '.join(known)})")
        return found or known

    return names


def _record(one: World, options: argparse.Namespace) -> int:
    wanted = [case for case in record.RECORDINGS if options.cases == [*CASES, plugins.CASE] or case in options.cases]
    pairs = [(agent, case) for agent in options.agents for case in wanted]
    pairs += [pair for pair in record.ONLY if pair[0] in options.agents and options.cases == [*CASES, plugins.CASE]]
    with ThreadPoolExecutor(options.jobs) as pool:
        for line in pool.map(lambda pair: record.record(one, *pair), pairs):
            print(line, flush=True)
    return 0


def _matrix(one: World, options: argparse.Namespace) -> int:
    """How many cells of the table are not as expected."""
    cases = [case for case in options.cases if case != plugins.CASE]
    rows = [(case, False) for case in cases] + [(case, True) for case in SAMPLE if case in cases]
    # Case by case, so that no agent is waited for alone at the end.
    agents = {case: CASES[case].agents or options.agents for case, _ in rows}
    cells = [(agent, case, as_root) for case, as_root in rows for agent in options.agents if agent in agents[case]]
    with ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip(cells, pool.map(lambda cell: _cell(one, *cell), cells), strict=True))
    differing = _print(options.agents, rows, results)
    print(f"\n{len(cells)} cells, {differing} not as expected")
    return differing


def _cell(one: World, agent: str, case: str, as_root: bool) -> tuple[str, list[str]]:
    """One cell of the table: its word, and how it differs from what is expected."""
    begun = time.monotonic()
    name = f"{case}-root" if as_root else case
    try:
        cell = one.cell(agent, name, as_root=as_root, **CASES[case].given)
        seen: Seen = CASES[case].does(cell)
        word, wrong = seen.word, expected(agent, case).differs(seen)
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        word, wrong = "broken", [f"{type(error).__name__} in {at.name}: {error}"]
    seconds = time.monotonic() - begun
    print(f"{agent:9} {name:15} {word:14} {seconds:4.0f} s {'; '.join(wrong)}", flush=True)
    return word, wrong


def _print(agents: list[str], rows: list[tuple[str, bool]], results: dict[Any, tuple[str, list[str]]]) -> int:
    """Print the table and, below it, what differs; how many cells do."""
    print(f"\n{'':16}" + "".join(f"{agent:19}" for agent in agents))
    for case, as_root in rows:
        found = [results.get((agent, case, as_root), ("-", [])) for agent in agents]
        shown = "".join(f"{word + (' !' if wrong else ''):19}" for word, wrong in found)
        print(f"{case + (' (root)' if as_root else ''):16}{shown}".rstrip())
    differing = {cell: wrong for cell, (_, wrong) in results.items() if wrong}
    for (agent, case, as_root), wrong in differing.items():
        print(f"! {agent} {case}{' (root)' if as_root else ''}: {'; '.join(wrong)}")
    return len(differing)


if __name__ == "__main__":
    sys.exit(main())
