"""All replications of all plans, one after the other or in processes of their own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from routing.simulation.model import Scenario
from routing.simulation.record import Record
from routing.simulation.run import Run

# (replications done, of how many, calls simulated so far)
Progress = Callable[[int, int, int], None]


def run_all(scenario: Scenario, jobs: int = 1, progress: Progress | None = None) -> list[list[Record]]:
    """Records by plan, then by replication. The result depends on the scenario only, not on ``jobs``."""
    tasks = [(plan, number) for number in range(scenario.replications) for plan in range(len(scenario.plans))]
    records: dict[tuple[int, int], Record] = {}
    arrived = 0
    for record in _records(scenario, tasks, jobs, progress):
        records[record.plan, record.replication] = record
        arrived += record.arrived
        if progress is not None:
            progress(len(records), len(tasks), arrived)
    return [[records[plan, number] for number in range(scenario.replications)] for plan in range(len(scenario.plans))]


def _records(
    scenario: Scenario, tasks: list[tuple[int, int]], jobs: int, progress: Progress | None
) -> Iterator[Record]:
    """Each task's record, as they are done."""
    if jobs <= 1 or len(tasks) == 1:
        arrived = 0
        for done, task in enumerate(tasks):

            def within(calls: int, done: int = done, before: int = arrived) -> None:
                if progress is not None:
                    progress(done, len(tasks), before + calls)

            record = run_one(scenario, *task, within)
            arrived += record.arrived
            yield record
        return
    # "spawn": a fork of a process with threads may hang, and the scenario is small.
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_one, scenario, *task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()


def run_one(scenario: Scenario, plan: int, replication: int, progress: Callable[[int], None] | None = None) -> Record:
    """One replication of one plan, with the collector of cycles put off: a run makes few and lives for seconds."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        return Run(scenario, plan, replication, progress=progress).run()
    finally:
        if was_on:
            gc.enable()
