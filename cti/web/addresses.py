"""Where a request came from, when reverse proxies stand between. PURE."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

# A chain of proxies is short; whoever sends a long one made it up.
MAX_HOPS = 10


@lru_cache(maxsize=64)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


def _is_trusted(address: str, trusted: Sequence[str]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in _network(network) for network in trusted)


def origin_of(peer: str, forwarded_for: str, trusted: Sequence[str]) -> str:
    """The nearest address that is no proxy of ours.

    ``peer`` is the other end of the connection, ``forwarded_for`` the header (each proxy adds its peer at the right
    end), ``trusted`` our proxies' networks. Read from the right, because only what our own proxies added is true; what
    is no address ends the walk.
    """
    address = peer
    for hop in reversed([h.strip() for h in forwarded_for.split(",")][-MAX_HOPS:]):
        if not _is_trusted(address, trusted):
            break
        try:
            address = str(ipaddress.ip_address(hop))
        except ValueError:
            break
    return address
