"""Hold, consultation and transfers, joined to the call desk, to Asterisk and to what routing knows of agents."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cti.ami.telephony import AmiTelephony
from cti.bus import Bus
from cti.calls import CallDesk
from cti.domain import events as ev
from cti.domain.model import AgentId, AgentState, PhoneState, QueueId, TenantId
from cti.outbound import rules
from cti.outbound.desk import Lent
from cti.transfers import Refused, Rules, TransferDesk
from cti.web.ports import Desk
from cti.wiring.directory import DeskDirectory
from cti.wiring.outbound import Outbound
from routing.model import Reason
from routing.reasons import Ids, render


def start(
    bus: Bus,
    calls: CallDesk,
    telephony: AmiTelephony,
    directory: DeskDirectory,
    desk: Desk,
    out: Outbound,
    now: Callable[[], datetime],
    ask_again: Callable[[], None],
) -> TransferDesk:
    """From now on agents may ask for something to be done with their call. ``ask_again``: what does each phone do?"""

    def is_free(tenant: TenantId, agent: AgentId) -> bool:
        status = desk.agent(tenant, agent)
        return (
            status is not None
            and status.state is not AgentState.OFFLINE
            and status.phone is PhoneState.IDLE
            and status.call_id is None
        )

    def takes(tenant: TenantId, agent: AgentId) -> None:
        # Said before Asterisk says it: in between, routing would ring the same phone for somebody else.
        bus.publish(ev.AgentPhoneChanged(at=now(), tenant=tenant, agent=agent, phone=PhoneState.RINGING))

    def is_queue(tenant: TenantId, queue: QueueId) -> bool:
        return any(known.queue == queue for known in desk.live(tenant).queues)

    def reason(tenant: TenantId, agent: AgentId) -> str:
        status = desk.agent(tenant, agent)
        by = status.name if status is not None else agent
        return render(Reason("passed_on", {"by": by}), directory.language(tenant), Ids())

    def lend(tenant: TenantId, agent: AgentId, number: str) -> Lent:
        try:
            return out.lend(tenant, agent, number)
        except rules.Refused as refused:
            raise Refused(refused.key, str(refused), detail=refused.detail) from refused

    transfers = TransferDesk(
        calls=calls,
        telephony=telephony,
        directory=directory,
        sink=calls,
        rules=Rules(
            is_free=is_free,
            is_queue=is_queue,
            takes=takes,
            unsure=ask_again,
            lend=lend,
            give_back=out.give_back,
            reason=reason,
            now=now,
        ),
    )
    bus.subscribe("transfers", transfers.handle, kinds=TransferDesk.KINDS, prompt=True)
    return transfers
