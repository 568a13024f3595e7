"""The command line: one module a command group, loaded only when it is used."""

from __future__ import annotations

import argparse
import importlib
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distributions, version

from cti.domain.errors import CallerError, ConfigError, KakehashiError

# Command groups in the order --help shows them; each module has `add(parser)` and its commands set `run`.
GROUPS = {
    "serve": "run the server",
    "config": "check or load what the desk is made of",
    "database": "bring the database's tables up to date",
    "asterisk-conf": "write Asterisk's configuration, prove a running one",
    "route": "try routing out under virtual time, explain what was decided",
    "prompts": "speak the texts of menus and dialplan into sound files",
    "recordings": "compare recordings with records, ledger and bucket; retention, holds, buckets",
    "trail": "read the audit trail: who heard, took, changed and deleted what",
    "person": "disclose or erase what is known of a person",
    "certificate": "make a certificate for a trial of TLS",
    "demo": "a whole desk on this machine, for a look",
}
OUR_PACKAGES = ("cti", "ivr", "recording", "routing")
DISTRIBUTION = "kakehashi-cti"


def run(arguments: list[str]) -> int:
    """Parse and run one command. Returns the exit status: 0 done, 1 failed, 2 the command or a file is wrong."""
    parser = argparse.ArgumentParser(prog="kakehashi", description="Telephony / CTI server on Asterisk.")
    parser.add_argument("--version", action="version", version=_version())
    groups = parser.add_subparsers(dest="group", required=True, metavar="COMMAND")
    # Only the group that is asked for is imported: `kakehashi config check` needs no boto3.
    asked = next((word for word in arguments if word in GROUPS), None)
    for name, sentence in GROUPS.items():
        group = groups.add_parser(name, help=sentence, description=sentence)
        if name == asked:
            module = importlib.import_module(f"cti.cli.{name.replace('-', '_')}")
            module.add(group)
    parsed = parser.parse_args(arguments)
    refuse_foreign_packages()
    try:
        return int(parsed.run(parsed))
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return 2
    except CallerError as error:
        print(f"kakehashi: {error}", file=sys.stderr)
        return 2
    except KakehashiError as error:
        print(f"kakehashi: {error}", file=sys.stderr)
        return 1


def refuse_foreign_packages() -> None:
    """Stop when another distribution also installed one of our four generic package names.

    Raises ConfigError naming the distribution: half of its files would be imported as ours.
    """
    owners: dict[str, set[str]] = {}
    for one in distributions():
        for package in _ours_in(one):
            owners.setdefault(package, set()).add(one.metadata["Name"])
    problems = [
        f"package {package!r} is also installed by {', '.join(foreign)}; give kakehashi-cti a venv of its own"
        for package in OUR_PACKAGES
        if (foreign := sorted(owners.get(package, set()) - {DISTRIBUTION}))
    ]
    if problems:
        raise ConfigError(problems)


def _ours_in(distribution: Distribution) -> set[str]:
    """Which of our packages it also brings. (importlib's own packages_distributions parses every line of every RECORD,
    a tenth of a second of each start.)
    """
    named = (distribution.read_text("top_level.txt") or "").split()
    if named:
        return set(named) & set(OUR_PACKAGES)
    files = "\n" + (distribution.read_text("RECORD") or "")
    return {package for package in OUR_PACKAGES if f"\n{package}/" in files or f"\n{package}.py," in files}


def _version() -> str:
    try:
        return f"kakehashi {version(DISTRIBUTION)}"
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "kakehashi (not installed)"
