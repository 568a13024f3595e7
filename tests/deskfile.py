"""Tables of the desk files that benches and soaks write for themselves."""

from __future__ import annotations


def agent_tables(agent: str, password: str, *, name: str = "", more: str = "") -> str:
    """An agent of the tenant "demo" and the user that is them; ``more``: further lines of the agent's own table."""
    return f"""\
[[tenants.demo.users]]
login = "{agent}"
name = "{name or agent}"
roles = ["agent"]
first_password = "{password}"
[[tenants.demo.agents]]
id = "{agent}"
user = "{agent}"
{more}
"""
