"""Random histories of a desk against the routing engine: a million inputs, properties a to h held after each of them.

The state machine of tests/unit/routing/test_properties.py (a desk with plans, profiles, faults and restarts) runs with
new seeds until so many inputs were told. Each decision is compared with an engine that looks at everybody. A seed whose
history breaks a property is printed with its steps, made as short as hypothesis can; --seed runs it again. The last
line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from random import SystemRandom

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import HypothesisException
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.routing.test_properties import STEPS, Desk

STEPS_A_HISTORY = 200
HISTORIES_A_SEED = 20
SAY_EVERY_S = 10.0
HELD = {
    "a": "at most one live offer for a call and for an agent, none for an agent who talks",
    "b": "no offer outside the part of the plan that is active",
    "c": "nobody of the same or a better class, who came earlier and fits, stands beside an offer; places are in order",
    "d": "age and live offers survive rejection, coming back, a new plan and a restart",
    "e": "a caller who hangs up during an offer frees the agent at once",
    "f": "no ready agent who fits stands beside a waiting call",
    "g": "nobody in line past the maximum; priority grows as configured, up to its bound; nobody waits for nobody",
    "h": "the same inputs give the same decisions with the same reasons, also from an engine that looks at everybody",
}


def one_seed(number: int) -> None:
    """Some histories. Raises whatever a broken property raises."""

    @seed(number)
    class Seeded(Desk):
        pass

    run_state_machine_as_test(
        Seeded,
        settings=settings(
            max_examples=HISTORIES_A_SEED,
            stateful_step_count=STEPS_A_HISTORY,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )


def main() -> int:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000, help="inputs told to the engine, in all")
    parser.add_argument("--seed", type=int, help="the first seed; without it a new one each time")
    arguments = parser.parse_args()
    first = arguments.seed if arguments.seed is not None else SystemRandom().randrange(1_000_000_000)
    began = said = time.monotonic()
    number = first
    print(
        f"first seed {first}; {HISTORIES_A_SEED} histories of {STEPS_A_HISTORY} steps each", file=sys.stderr, flush=True
    )
    broken: str | None = None
    while STEPS.count < arguments.steps and broken is None:
        try:
            one_seed(number)
        except (AssertionError, HypothesisException, ExceptionGroup) as error:
            broken = f"seed {number}: {type(error).__name__}: {error}"
            print("\n".join([broken, *getattr(error, "__notes__", [])]), file=sys.stderr)
        number += 1
        if time.monotonic() - said > SAY_EVERY_S:
            said = time.monotonic()
            print(f"{STEPS.count} inputs, seeds {first} to {number - 1}", file=sys.stderr, flush=True)
    report = {
        "soak": "routing",
        "inputs": STEPS.count,
        "seeds": [first, number - 1],
        "seconds": round(time.monotonic() - began),
        "held": HELD if broken is None else None,
        "broken": broken,
    }
    print(json.dumps(report, ensure_ascii=False))
    return 0 if broken is None else 1


if __name__ == "__main__":
    sys.exit(main())
