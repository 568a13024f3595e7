"""What the operator decided about the web side: the pages', and those of a server that stands by."""

from __future__ import annotations

from cti.config import Config
from cti.web.context import WebSettings
from cti.wiring import objectstores


def settings(config: Config) -> WebSettings:
    """Out of the configuration."""
    return WebSettings(
        host=config.web.host,
        port=config.web.port,
        origins=config.origins,
        tls_certificate=config.web.tls_certificate,
        tls_key=config.web.tls_key,
        trusted_proxies=config.web.trusted_proxies,
        phone_url=config.asterisk.phone_url,
        replay_url_s=config.s3.replay_url_s,
        replay_origin=objectstores.origin(config.s3) if config.s3.replay_url_s else None,
    )
