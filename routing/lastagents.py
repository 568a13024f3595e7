"""Who talked with this member in an earlier call, for plans that ask for them. Nothing waits for the look-up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator

from cti.domain import events as ev
from cti.domain.errors import Unavailable
from cti.domain.model import AgentId, CallId, CallState, LinkConfidence
from routing.desk import DeskStore
from routing.expression import AllOf, AnyOf, Expression, LastAgent, Not
from routing.model import DeskRules

log = logging.getLogger(__name__)

# A caller ID is a hint: who only may be this member is not kept waiting for somebody else's agent.
SURE = (LinkConfidence.CONFIRMED, LinkConfidence.BY_AGENT, LinkConfidence.LIKELY)
# A look-up takes a millisecond; so many at once mean a database that stands still, and plans go on without.
MOST_AT_ONCE = 50


class LastAgents:
    """``tell`` hears of each agent found, while their call may already wait."""

    def __init__(self, store: DeskStore, tell: Callable[[ev.CallLinked, AgentId], None]) -> None:
        self._store = store
        self._tell = tell
        self._known: dict[CallId, AgentId] = {}
        self._member: dict[CallId, str] = {}  # of calls that are linked and not over: whose agent was looked up
        self._tasks: set[asyncio.Task[None]] = set()

    def linked(self, event: ev.CallLinked, rules: DeskRules) -> None:
        """The member may be known: look up their last agent, if any plan of this desk asks."""
        member = event.link.member_id if event.link.confidence in SURE else None
        if member is not None and member == self._member.get(event.call_id):
            return  # the same link, with more around it
        self.over(event.call_id)  # nothing of whom the call was linked to before
        ended = event.call.state is CallState.ENDED  # a late answer: nobody would forget it again
        if member is None or ended or not asked_for(rules) or len(self._tasks) >= MOST_AT_ONCE:
            return
        self._member[event.call_id] = member
        task = asyncio.get_running_loop().create_task(self._look_up(event, member), name="last-agent")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_up(self, event: ev.CallLinked, member: str) -> None:
        try:
            agent = await self._store.last_agent(event.tenant, member, event.call_id)
        except Unavailable:
            log.warning("who talked with a member last cannot be looked up", extra={"call_id": event.call_id})
            if self._member.get(event.call_id) == member:
                del self._member[event.call_id]  # the next news of the link asks again
            return
        if agent is not None and self._member.get(event.call_id) == member:
            self._known[event.call_id] = agent
            self._tell(event, agent)

    def of(self, call_id: CallId) -> AgentId | None:
        """The last agent of a live call's member, as far as it is known."""
        return self._known.get(call_id)

    def over(self, call_id: CallId) -> None:
        """The call is no longer ours."""
        self._member.pop(call_id, None)
        self._known.pop(call_id, None)

    async def stop(self) -> None:
        """Look up nothing more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def asked_for(rules: DeskRules) -> bool:
    """Whether any plan of the desk asks for the member's last agent."""
    return any(
        isinstance(part, LastAgent)
        for queue in rules.queues
        for step in queue.steps
        if step.want is not None
        for part in _parts(step.want)
    )


def _parts(want: Expression) -> Iterator[Expression]:
    yield want
    match want:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _parts(part)
        case Not(part):
            yield from _parts(part)
