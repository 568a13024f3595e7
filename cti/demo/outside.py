"""The demo's way out: one played person answers the numbers of the phone book, and one to type."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from cti.demo.folders import LOOPBACK, PortPool, RunFolder
from cti.demo.phones import Baresip, PhoneAccount, start_phone
from cti.demo.stack import TENANT, Plan

# Heard by whoever is passed on to them; the agents' phones and the caller's play other tones.
OUTSIDE_HZ = 620
MOBILE = "09012345678"  # in no book: to type


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of the demo's phone book. Made up; nothing leaves this machine."""

    id: str
    name: str
    reading: str
    number: str  # as people write it
    more: str = ""  # further lines of its table


BOOK = (
    Entry(id="police", name="渋谷警察署", reading="しぶやけいさつしょ", number="03-5555-0110"),
    Entry(
        id="roadside", name="ロードサービス手配センター", reading="ろーどさーびすてはいせんたー", number="0120-000-813"
    ),
    Entry(id="tow", name="東京レッカー", reading="とうきょうれっかー", number="03-5555-1234"),
    Entry(
        id="insurer",
        name="架け橋損害保険 事故受付",
        reading="かけはしそんがいほけん",
        number="050-5555-0000",
        more='queues = ["roadside"]\n',
    ),
)
# The phone takes calls for these, and for no other.
NUMBERS = (*(entry.number.replace("-", "") for entry in BOOK), MOBILE)
OUTBOUND = f"""
[tenants.{TENANT}.outbound]
number = "+815012345000"
"""
SAVED = """
[[tenants.{tenant}.saved_numbers]]
id = "{of.id}"
name = "{of.name}"
reading = "{of.reading}"
number = "{of.number}"
{of.more}"""


def with_a_way_out(plan: Plan, folder: Path, pool: PortPool) -> tuple[Plan, int]:
    """The plan with a trunk that leads to a port of this machine, and that port."""
    desk_file = folder / "desk-with-a-way-out.toml"
    book = (SAVED.format(tenant=TENANT, of=entry) for entry in BOOK)
    desk_file.write_text(plan.desk_file.read_text(encoding="utf-8") + OUTBOUND + "".join(book), encoding="utf-8")
    port = pool.tcp(2)
    return replace(plan, desk_file=desk_file, asterisk={**plan.asterisk, "trunk_out": f"{LOOPBACK}:{port}"}), port


async def start_outside(run: RunFolder, pool: PortPool, port: int) -> Baresip:
    """The person's phone; it rings until somebody accepts."""
    # Its server is of no use to it: it only receives.
    first, *others = (PhoneAccount(user=number, server=f"{LOOPBACK}:9") for number in NUMBERS)
    phone = await start_phone(run, pool, first, name="outside", sound=OUTSIDE_HZ, answer="manual", sip_port=port)
    for account in others:
        await phone.command("uanew", account.line(answer="manual"))
    return phone
