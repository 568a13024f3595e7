"""What people ask for a waiting call: another queue, another priority. PURE.

Part of the engine. A person waits for the answer, so what cannot be done is refused with a sentence, never ignored.
"""

from __future__ import annotations

from datetime import datetime

from cti.domain.errors import CallerError, NotFound, Unavailable
from cti.domain.model import CallId, QueueId
from routing import model as m
from routing.expression import needs
from routing.model import Reason, Where
from routing.offers import OfferDesk
from routing.passage import is_open
from routing.state import Waiting


class Wishes(OfferDesk):
    """Supervisors act on calls in line."""

    _rules = m.DeskRules()

    def _wished_for(self, call_id: CallId) -> Waiting:
        """The call, which must be in line. Raises NotFound and CallerError."""
        call = self._calls.get(call_id)
        if call is None:
            raise NotFound("this call does not wait, or not any more")
        if call.offers:
            rung = ", ".join(repr(offer.agent.agent) for offer in call.offers)
            raise CallerError(f"the phone of agent {rung} rings for it; wait for the end of the ring")
        if call.where is Where.TREATED:
            raise CallerError("it is on its way already: to another queue, or to the words that end it")
        return call

    def _move_call(self, told: m.MoveCall, now: datetime) -> None:
        """Send the caller to another queue's waiting loop; what comes from there moves the call (decision 0167).

        Closed, or with nobody who could ever take the call: refused, because its caller would only be told so. Full is
        no reason: a person chose.
        """
        call = self._wished_for(told.call_id)
        if call.patient:
            raise CallerError("nobody is on the line: whoever is called back keeps their place in their own queue")
        if not self._up:
            raise Unavailable("Asterisk cannot be reached now; nobody can be moved")
        self._takes_moved(call, told.to, now)
        call.hops = 0  # a person chose: whatever went before does not count
        call.admitted_to = told.to
        then = m.Treatment(do=m.Do.QUEUE, to=told.to)
        self._treat(call, m.MOVED, now, "moved_by", {"by": told.by}, then)

    def _takes_moved(self, call: Waiting, to: QueueId, now: datetime) -> None:
        """Whether a queue could do something for this caller. Raises NotFound and CallerError."""
        rule = next((rule for rule in self._rules.queues if rule.queue == to), None)
        if rule is None:
            raise NotFound(f"no queue {to!r} on this desk")
        if rule.queue == call.queue.queue:
            raise CallerError(f"it waits in queue {to!r} already")
        if not is_open(rule, now):
            raise CallerError(f"queue {to!r} is closed now: its callers are told so; choose one that is open")
        _, _, there = self._index.counts(needs(rule.skills, call.skills))
        if not there and not rule.nobody_wait:
            raise CallerError(f"nobody who is logged in could take it in queue {to!r}; choose another one")

    def _set_priority(self, told: m.SetPriority, now: datetime) -> None:
        """The call's place in line changes at once; the age counts as before."""
        call = self._wished_for(told.call_id)
        if told.priority == call.own_priority:
            return
        call.own_priority = told.priority
        if call.key is not None:
            self._unlist(call)
            self._list(call, now)
            if not self._try(call, now):
                self._plan_look(call)
        slug = "priority_back" if told.priority is None else "priority_set"
        params = {"by": told.by, "priority": call.given}
        self._out.append(m.Prioritised(call_id=call.call_id, queue=call.queue.queue, reason=Reason(slug, params)))
