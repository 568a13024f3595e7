"""What a value must look like before it may stand in an Asterisk configuration file.

White lists, not black ones: Asterisk's files know ``;`` ``[`` ``]`` ``#`` ``=>`` ``$`` ``{`` ``,`` ``&`` ``|`` and
line ends, each in its own place, and a value that brings one of them becomes configuration.
"""

from __future__ import annotations

import ipaddress
import re

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
QUEUE_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
ENDPOINT = re.compile(r"[a-z0-9][a-z0-9-]{1,79}")
E164 = re.compile(r"\+[1-9][0-9]{5,14}")  # ITU-T E.164: 15 digits at most
PATH = re.compile(r"/[A-Za-z0-9_.+@~/-]*")
SECRET = re.compile(r"[!-~]+")  # printable ASCII without space
SECRET_FORBIDDEN = frozenset(";[]\"'#\\,$")
USER = re.compile(r"[A-Za-z0-9_-]{1,40}")
# Control characters, and what a configuration file or a quoted SIP name would read as its own.
NAME_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f\u0085\u2028\u2029;\[\]"<>\\,${}]')
RUN_PATH_LIMIT = 90  # sun_path holds 108 bytes, and Asterisk appends /asterisk.ctl


class Checker:
    """Collects problems, so that an operator sees all of them at once. Each names the setting."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def _report(self, key: str, value: object, want: str) -> None:
        shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "…"
        self.problems.append(f"asterisk settings: {key} is {shown}: {want}")

    def pattern(self, key: str, value: str, pattern: re.Pattern[str], want: str) -> None:
        """The whole value must match ``pattern``."""
        if not pattern.fullmatch(value):
            self._report(key, value, want)

    def slug(self, key: str, value: str) -> None:
        """A tenant's or menu's slug."""
        self.pattern(key, value, SLUG, "write 1 to 40 of a-z, 0-9 and -, not beginning with -")

    def queue(self, key: str, value: str) -> None:
        """A queue's slug."""
        self.pattern(key, value, QUEUE_SLUG, "write 1 to 40 of a-z, 0-9, - and _, not beginning with - or _")

    def endpoint(self, key: str, value: str, tenant: str) -> None:
        """``<tenant>-<agent>``: the prefix keeps an agent of one desk from being named like another's."""
        self.pattern(key, value, ENDPOINT, "write <tenant>-<agent> in a-z, 0-9 and -")
        if not value.startswith(f"{tenant}-"):
            self._report(key, value, f"begin it with the tenant, {tenant}-")

    def e164(self, key: str, value: str) -> None:
        """A telephone number with + and country code."""
        self.pattern(key, value, E164, "write it with + and country code, digits only, for example +81501234500")

    def path(self, key: str, value: str) -> None:
        """An absolute path without characters that a configuration file or the dialplan reads as its own."""
        self.pattern(key, value, PATH, "write an absolute path of letters, digits and . _ - + @ ~ /")
        if ".." in value.split("/"):
            self._report(key, value, "write the path without ..")

    def secret(self, key: str, value: str, least: int) -> None:
        """A password. The value itself is never shown."""
        good = SECRET.fullmatch(value) and not SECRET_FORBIDDEN & set(value)
        if not good or not least <= len(value) <= 128:
            self.problems.append(
                f"asterisk settings: {key} cannot be used: write {least} to 128 printable ASCII characters "
                f"without space and without ; [ ] \" ' # \\ , $"
            )

    def name(self, key: str, value: str) -> None:
        """A person's name: any Unicode that cannot break out of its line or its quotes."""
        if not value or len(value) > 80 or NAME_FORBIDDEN.search(value):
            self._report(key, value, 'write 1 to 80 characters without line ends and ; [ ] " < > \\ , $ { }')

    def address(self, key: str, value: str) -> None:
        """An IP address. Names are refused: Asterisk would stop to resolve them at every reload."""
        try:
            ipaddress.ip_address(value)
        except ValueError:
            self._report(key, value, "write an IP address")

    def network(self, key: str, value: str) -> None:
        """An IP address or network."""
        try:
            ipaddress.ip_network(value)
        except ValueError:
            self._report(key, value, "write an IP address or a network such as 192.0.2.0/28")

    def number(self, key: str, value: int, least: int, most: int) -> None:
        """A whole number in its range."""
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._report(key, value, f"write a whole number from {least} to {most}")

    def port(self, key: str, value: int) -> None:
        """A TCP or UDP port."""
        self.number(key, value, 1, 65535)

    def language(self, key: str, value: str) -> None:
        """One of the languages that prompts exist in."""
        if value not in ("ja", "en"):
            self._report(key, value, "write ja or en")

    def unique(self, key: str, values: list[str]) -> None:
        """No value twice."""
        for value in sorted({v for v in values if values.count(v) > 1}):
            self._report(key, value, "is there twice: leave one out")

    def known(self, key: str, value: str, known: set[str], what: str) -> None:
        """A reference that must lead somewhere."""
        if value not in known:
            self._report(key, value, f"there is no such {what}")
