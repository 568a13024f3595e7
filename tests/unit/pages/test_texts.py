"""Whatever word of the machine's a page may be sent has words for people in both languages.

The slugs are read from the code and the schemas that define them: a new one without a text fails here, by name.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from cti.domain.model import (
    AgentState,
    CallerKind,
    EndedBy,
    EndReason,
    LinkConfidence,
    OfferOutcome,
    PhoneState,
)
from cti.domain.pop import PartStatus, PopPhase
from cti.web import texts
from cti.web.bodies import JourneyStep, RecordingStatus

ROOT = Path(__file__).resolve().parents[3]
CATALOGUES = {
    language: json.loads((ROOT / f"frontend/src/catalogue/{language}.json").read_text(encoding="utf-8"))
    for language in ("ja", "en")
}


def trees(folder: str) -> Iterator[ast.Module]:
    for file in sorted((ROOT / folder).glob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def strings(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and re.fullmatch(r"[a-z_]+", part.value):
            yield part.value


def calls_of(folder: str, *names: str) -> Iterator[ast.Call]:
    for tree in trees(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                if name in names:
                    yield node


def agent_reasons() -> set[str]:
    """What routing gives as the reason of a state (Engine._move), and the reasons of breaks."""
    given = {s for call in calls_of("routing", "_move", "_wrap_up") for s in strings(call)}
    defaults = {
        s
        for tree in trees("routing")
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id in ("missed_reason", "refused_reason")
        and node.value is not None
        for s in strings(node.value)
    }
    return given | defaults | set(texts.BREAK_REASONS)


def recording_reasons() -> set[str]:
    """Why a recording is not simply stored: reasons of moves, and flags."""
    found: set[str] = set()
    for call in calls_of("recording", "Nothing", "move"):
        for keyword in call.keywords:
            if keyword.arg == "reason":
                found |= set(strings(keyword.value))
    found |= {s for call in calls_of("recording", "_failed") for s in strings(call)}
    for tree in trees("recording"):
        for node in ast.walk(tree):
            target = node.targets[0] if isinstance(node, ast.Assign) else None
            if isinstance(target, ast.Name) and target.id == "_STORE_TROUBLE":
                found |= set(strings(node))
            if isinstance(node, ast.FunctionDef) and node.name == "_flags":
                found |= {s for d in ast.walk(node) if isinstance(d, ast.Dict) for k in d.keys if k for s in strings(k)}
    return found | {f"one_sided_{side}" for side in ("caller", "agent")}


def link_reasons() -> set[str]:
    """docs/linking.md's table of rules and of what goes wrong; tests/contract/linking holds it to the code."""
    text = (ROOT / "docs/linking.md").read_text(encoding="utf-8")
    rules = text[text.index("## How sure") : text.index("## Four callers")]
    rows = [row.split("|") for row in rules.splitlines() if row.startswith("|") and "`" in row]
    found = {slug for cells in rows for slug in re.findall(r"`([a-z_]+)`", cells[4])}
    lookup = {slug for slug in found if slug.startswith("_")}
    return (found - lookup) | {f"lookup{slug}" for slug in lookup}


def refusal_keys() -> set[str]:
    """Everything cti.web refuses with: its own catalogue, which its tests hold to the code."""
    return {key for key in texts.catalogue("en") if not key.startswith("break.")}


# They write into the audit trail.
WRITERS = ("trail", "_audit", "_entry")
ACT = re.compile(r"[a-z_]+\.[a-z_]+")


def acts() -> set[str]:
    """What may stand in the audit trail, as the code that writes it names it."""
    found = {"recording.listened", "recording.downloaded", "recording.listen_cut", "recording.download_cut"}
    for folder in ("cti/web", "cti/wiring", "recording"):
        for call in calls_of(folder, *WRITERS):
            said = (part.value for part in call.args if isinstance(part, ast.Constant))
            found |= {word for word in said if isinstance(word, str) and ACT.fullmatch(word)}
    return found


def known_kinds() -> set[str]:
    """What may be known of a person: the server's own list for the file of a disclosure."""
    said = {key.removeprefix("person.") for key in texts.catalogue("en") if key.startswith("person.")}
    return (said - {"title"}) | {"recordings"}


def contract(name: str) -> set[str]:
    """The states of a record in the look-up contract."""
    document = yaml.safe_load((ROOT / "docs/lookup-openapi.yaml").read_text(encoding="utf-8"))
    return set(document["components"]["schemas"][name]["properties"]["status"]["enum"])


SLUGS: dict[str, Iterable[str]] = {
    "state": AgentState,
    "reason": agent_reasons(),
    "phone": PhoneState,
    "outcome": OfferOutcome,
    "caller": set(CallerKind) - {CallerKind.NUMBER},
    "phase": PopPhase,
    "fresh": PartStatus,
    "confidence": LinkConfidence,
    "why": link_reasons(),
    "standing": ("both", "holds_reservation", "holds_number"),
    "booking": contract("Reservation"),
    "ticket": contract("Ticket"),
    "member": contract("Member") - {"active"},
    "end": EndReason,
    "ended_by": EndedBy,
    "journey": get_args(JourneyStep.model_fields["what"].annotation),
    "recording": get_args(RecordingStatus),
    "recording_why": recording_reasons(),
    "problem": refusal_keys(),
    "language": texts.LANGUAGES,
    "act": acts(),
    "known": known_kinds(),
}


@pytest.mark.parametrize("group", SLUGS)
def test_every_slug_has_its_words(group: str) -> None:
    slugs = {str(slug) for slug in SLUGS[group]}
    assert slugs, "none found: the place where they are defined has moved"
    for language, catalogue in CATALOGUES.items():
        without = sorted(slug for slug in slugs if not catalogue.get(f"{group}.{slug}", "").strip())
        assert without == [], f"{language}.json lacks {group}.…"


def test_the_words_of_a_refusal_are_the_servers_own() -> None:
    """The pages carry them so that they follow the page's language; two versions of a sentence would drift apart."""
    for language, catalogue in CATALOGUES.items():
        for key in refusal_keys():
            assert catalogue[f"problem.{key}"] == texts.text(key, language)


def test_known_slugs_are_found() -> None:
    """The reading of the sources itself: one that must be in each set that is not an enum."""
    assert {"call_over", "wrap_up_over", "missed_offer", "lunch"} <= agent_reasons()
    assert {"no_file", "too_short", "unreadable_file", "upload_refused", "truncated"} <= recording_reasons()
    assert {"recording.held", "plan.reverted", "person.erasure_ordered", "session.refused"} <= acts()
    assert {"number_only", "caller_withheld", "lookup_slow", "reservation_unchecked"} <= link_reasons()
