"""What is read from the desk's tables, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from cti.asteriskconf.desk import DeskPart, load_desk
from cti.asteriskconf.settings import AgentPhone, CalledNumber
from cti.domain.spoken import sound_name

ROWS = """
INSERT INTO tenants VALUES ('demo', '架け橋', 'Asia/Tokyo', 'ja'), ('lease', 'Lease', 'Asia/Tokyo', 'en');
INSERT INTO users (tenant, login, name, roles, password_hash)
    SELECT t, l, l, '{agent}', 'x' FROM (VALUES
        ('demo', 'sato'), ('demo', 'smith'), ('demo', 'gone'), ('lease', 'ito')) u (t, l);
INSERT INTO skills VALUES ('demo', 'ja', '日本語', 'Japanese'), ('demo', 'en', '英語', 'English'),
    ('lease', 'ja', 'x', 'x');
INSERT INTO agents VALUES
    ('demo', 'sato', 'sato', '佐藤 花子', 'demo-sato', 'secret-of-sato', true),
    ('demo', 'smith', 'smith', 'Emma Smith', 'demo-smith', 'secret-of-smith', true),
    ('demo', 'gone', 'gone', 'Gone', 'demo-gone', 'secret-of-gone', false),
    ('lease', 'ito', 'ito', '伊藤', 'lease-ito', 'secret-of-ito', true);
INSERT INTO agent_skills VALUES
    ('demo', 'sato', 'ja', 5), ('demo', 'smith', 'ja', 2), ('demo', 'smith', 'en', 5), ('demo', 'gone', 'ja', 5),
    ('lease', 'ito', 'ja', 5);
INSERT INTO queues (tenant, queue, name_ja, name_en, priority, ring_s, active) VALUES
    ('demo', 'anybody', 'x', 'x', -3, 20, true), ('demo', 'both', 'x', 'x', 0, 20, true),
    ('demo', 'closed', 'x', 'x', 0, 20, false), ('demo', 'members', 'x', 'x', 10, 15, true),
    ('demo', 'off', 'x', 'x', 0, 20, false);
UPDATE queues SET treatments = '{"closed": {"do": "voicemail"}}' WHERE queue = 'anybody';
UPDATE queues SET treatments = '{"nobody": {"do": "voicemail", "text": {"ja": "一", "en": "one"}}}'
 WHERE queue = 'both';
UPDATE queues SET treatments = '{"nobody": {"do": "message"}, "closed": {"do": "voicemail"}}' WHERE queue = 'members';
INSERT INTO queue_skills VALUES ('demo', 'members', 'ja', 3), ('demo', 'both', 'ja', 1), ('demo', 'both', 'en', 3);
INSERT INTO menus VALUES ('demo', 'main', '{}');
INSERT INTO numbers VALUES
    ('+81501234500', 'demo', '会員窓口', 'members', 'main'), ('+81501234510', 'demo', 'x', 'closed', NULL);
"""


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[DeskPart]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(database_url)
    await connection.execute(ROWS)
    yield await load_desk(connection)
    await connection.close()


async def test_the_desk_is_read_as_asterisk_needs_it(desk: DeskPart) -> None:
    assert desk.agents == (
        AgentPhone(tenant="demo", endpoint="demo-sato", secret="secret-of-sato", name="佐藤 花子"),
        AgentPhone(tenant="demo", endpoint="demo-smith", secret="secret-of-smith", name="Emma Smith"),
        AgentPhone(tenant="lease", endpoint="lease-ito", secret="secret-of-ito", name="伊藤"),
    )
    queues = {queue.queue: queue for queue in desk.queues}
    assert {name: queue.members for name, queue in queues.items()} == {
        "anybody": ("demo-sato", "demo-smith"),  # asks for nothing: everybody of the tenant, nobody of another
        "both": ("demo-smith",),  # every skill, not any
        "closed": ("demo-sato", "demo-smith"),  # switched off, but a number leads to it
        "members": ("demo-sato",),  # the level counts, and who has left does not
    }
    assert (queues["members"].weight, queues["members"].ring_s) == (10, 15)
    assert queues["anybody"].weight == 0
    messages = {name: queue.voicemail_text for name, queue in queues.items() if queue.voicemail}
    assert messages == {"anybody": "", "both": sound_name("一", "one")}
    assert desk.numbers == (
        CalledNumber(number="+81501234500", tenant="demo", queue="members", menu="main", language="ja"),
        CalledNumber(number="+81501234510", tenant="demo", queue="closed", menu=None, language="ja"),
    )
