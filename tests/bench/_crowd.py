"""A desk of many agents who are all alike: the first in the desk file, the others copied in the database.

Each password in a file is hashed, which costs 50 ms of processor; a thousand rows with the first one's cost nothing.
"""

from __future__ import annotations

import asyncpg

from cti.demo.folders import RunFolder
from cti.demo.stack import Plan
from tests.deskfile import agent_tables

# Room for a thousand legs at the same time and more: a phone that does not answer at all holds its ports for 32 s.
RTP = range(34_000, 40_000)
DESK = f"""\
[tenants.demo]
name = "bench"
{agent_tables("a0", "a password for a bench", name="agent 0")}
[[tenants.demo.queues]]
id = "all"
name = {{ ja = "全員", en = "All" }}
@MORE@
[[tenants.demo.numbers]]
number = "+81501234500"
name = "all"
queue = "all"
"""
FILL = """
WITH more AS (SELECT 'a' || n AS id FROM generate_series(1, $1 - 1) n),
     people AS (
         INSERT INTO users (tenant, login, name, roles, password_hash)
         SELECT tenant, more.id, more.id, roles, password_hash FROM users, more WHERE login = 'a0' RETURNING login)
INSERT INTO agents (tenant, agent, login, name, endpoint, sip_secret)
SELECT 'demo', id, id, id, 'demo-' || id, md5(random()::text) || md5(random()::text) FROM more
"""


def crowd(run: RunFolder, agents: int, *, queue: str = "") -> Plan:
    """Agents a0, a1, … of the tenant "demo", all of one queue; ``queue``: further lines of its table."""
    desk_file = run.path / "desk.toml"
    desk_file.write_text(DESK.replace("@MORE@", queue), encoding="utf-8")

    async def fill(url: str) -> None:
        conn = await asyncpg.connect(url)
        await conn.execute(FILL, agents)
        await conn.close()

    return Plan(
        desk_file=desk_file,
        rtp=RTP,
        asterisk={"agent_qualify_s": 0, "agent_rtp_timeout_s": 0},
        prompts=False,
        fill=fill,
    )
