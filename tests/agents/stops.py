"""Each agent stopped again and again while a tool runs: what is left, counted by the variable that all inherit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cases import TOOL, patience
from world import World, processes_of


def run(one: World, agents: list[str], number: int, jobs: int) -> int:
    """Let each agent come to its time limit so often; print how many processes were left; 1 if there were any."""
    pairs = [(agent, turn) for turn in range(number) for agent in agents]
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda pair: _stop(one, *pair), pairs))
    print(f"\n{'agent':10}{'stopped with a tool running':30}{'processes left':16}")
    total = 0
    for agent in agents:
        mine = [result for (name, _), result in zip(pairs, found, strict=True) if name == agent]
        left = sum(len(one) for _, one in mine)
        print(f"{agent:10}{sum(began for began, _ in mine):<30}{left}")
        total += left + sum(not began for began, _ in mine)
    return 1 if total else 0


def _stop(one: World, agent: str, turn: int) -> tuple[bool, dict[int, str]]:
    """Whether a tool ran when the time was up, and what was left after that."""
    cell = one.cell(agent, f"stop-{turn}", may_run=True)
    left: dict[int, str] = {}
    began = False
    for seconds in patience(cell):
        cell.play(f"stall:{TOOL}")
        task = cell.schedule("Say hello.", "--timeout", f"{seconds}s")
        cell.wake()
        last = cell.runs(task["id"])[-1]
        left |= processes_of(last["run_id"])
        began = (cell.workspace / "began").exists() and last["error_type"] == "TimeoutError"
        if began:
            break
    print(f"{agent:9} {turn + 1:3} {'stopped' if began else 'no tool ran'} {left or ''}", flush=True)
    return began, left
