"""From our configuration and the desk in PostgreSQL to what Asterisk's configuration is rendered from."""

from __future__ import annotations

from typing import Any

import asyncpg

from cti.asteriskconf.desk import DeskPart, load_desk
from cti.asteriskconf.settings import AsteriskSettings, Directories, WebSocket
from cti.asteriskconf.sound import lacking_module
from cti.config import Config


async def read_desk(conn: asyncpg.Connection[Any]) -> DeskPart:
    """The desk's part, from one revision."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        return await load_desk(conn)


def lacking(config: Config) -> str | None:
    """What Asterisk has not of what the configuration asks for, as far as it can be seen from here. Blocking."""
    folder = config.asterisk.folders.modules
    try:
        files = frozenset(path.name for path in folder.iterdir())
    except OSError:  # another machine's, or not for our eyes
        files = None
    return lacking_module(config.asterisk.trunk_codecs, str(folder), files)


def asterisk_settings(config: Config, desk: DeskPart) -> AsteriskSettings:
    """Everything `asterisk-conf render` fills in."""
    asterisk, folders = config.asterisk, config.asterisk.folders
    socket = asterisk.websocket
    return AsteriskSettings(
        directories=Directories(
            etc=str(folders.etc),
            modules=str(folders.modules),
            data=str(folders.data),
            var=str(folders.var),
            spool=str(folders.spool),
            run=str(folders.run),
            log=str(folders.log),
            sounds=str(asterisk.sounds_dir),
            recordings=str(asterisk.spool_dir),
        ),
        sip_address=asterisk.sip_address,
        sip_port=asterisk.sip_port,
        media_address=asterisk.media_address,
        rtp_first=asterisk.rtp_first,
        rtp_last=asterisk.rtp_last,
        ami_port=asterisk.ami_port,
        ami_user=asterisk.ami_user,
        ami_secret=asterisk.ami_secret.get_secret_value(),
        fastagi_address=config.ivr.host,
        fastagi_port=config.ivr.port,
        trunk_peers=asterisk.trunk_peers,
        trunk_out=asterisk.trunk_out,
        trunk_codecs=asterisk.trunk_codecs,
        record_hz=config.recording.rate_hz,
        agent_qualify_s=asterisk.agent_qualify_s,
        agent_rtp_timeout_s=asterisk.agent_rtp_timeout_s,
        websocket=None
        if socket is None
        else WebSocket(
            address=socket.address,
            port=socket.port,
            certificate=None if socket.certificate is None else str(socket.certificate),
            private_key=None if socket.private_key is None else str(socket.private_key),
            media_address=socket.media_address,
            ice_hosts=tuple(socket.ice_hosts.items()),
            stun=asterisk.ice.asterisk_stun,
            turn=asterisk.ice.asterisk_turn,
            turn_user=asterisk.ice.asterisk_turn_user,
            turn_password=None
            if asterisk.ice.asterisk_turn_password is None
            else asterisk.ice.asterisk_turn_password.get_secret_value(),
        ),
        agents=desk.agents,
        queues=desk.queues,
        numbers=desk.numbers,
    )
