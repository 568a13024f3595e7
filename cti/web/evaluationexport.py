"""Scores as CSV and JSON: one row an answer. PURE. docs/evaluations.md."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence

from cti.domain.evaluation import Answer, Evaluation
from cti.web.evaluationview import Seen, points

COLUMNS = (
    "evaluation", "call_id", "agent", "form", "form_version", "evaluator", "evaluator_name", "state", "outcome",
    "began_at", "submitted_at", "disputed_at", "reviewed_at", "reviewer", "score", "first_score", "failed", "section",
    "question", "question_ja", "question_en", "weight", "steps", "value", "not_applicable", "comment", "moment_s",
    "note", "dispute", "review",
)  # fmt: skip
BOM = "\ufeff"
# A spreadsheet takes a cell that begins so for a formula, with or without spaces before it; Japanese input writes the
# wide ones. (OWASP, "CSV Injection".)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

Row = dict[str, str | int | float | bool | None]


def neutral(value: object) -> str:
    """A cell that no spreadsheet computes: an apostrophe stands before what would be a formula."""
    text = "" if value is None else str(value)
    begins = text.lstrip(" \u3000").startswith(_FORMULA) or text.startswith(_FORMULA)
    return f"'{text}" if begins else text


def rows(found: Evaluation, seen: Seen) -> Iterator[Row]:
    """A score's answers, one row each, in the form's order; at least one row."""
    form = seen.versions[found.form_id, found.form_version].form
    about: Row = {
        "evaluation": found.evaluation_id, "call_id": found.call_id, "agent": found.agent, "form": found.form_id,
        "form_version": found.form_version, "evaluator": found.evaluator,
        "evaluator_name": seen.names.get(found.evaluator, found.evaluator), "state": found.state.value,
        "outcome": None if found.outcome is None else found.outcome.value, "began_at": found.began_at.isoformat(),
        "submitted_at": found.submitted_at.isoformat() if found.submitted_at else None,
        "disputed_at": found.disputed_at.isoformat() if found.disputed_at else None,
        "reviewed_at": found.reviewed_at.isoformat() if found.reviewed_at else None, "reviewer": found.reviewer,
        "score": points(found.tenths), "first_score": points(found.first_tenths), "failed": found.failed,
    }  # fmt: skip
    end: Row = {"note": found.note, "dispute": found.dispute, "review": found.review}
    for section in form.sections:
        for question in section.questions:
            answer = found.answers.get(question.id, Answer())
            yield {
                **about, "section": section.id, "question": question.id, "question_ja": question.name_ja,
                "question_en": question.name_en, "weight": question.weight, "steps": question.steps,
                "value": answer.value, "not_applicable": answer.na, "comment": answer.comment, "moment_s": answer.at_s,
                **end,
            }  # fmt: skip


def csv_text(found: Sequence[Evaluation], seen: Seen, *, header: bool) -> str:
    """Some scores as CSV (RFC 4180), with or without the line of names."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if header:
        writer.writerow(COLUMNS)
    for one in found:
        writer.writerows([neutral(row[name]) for name in COLUMNS] for row in rows(one, seen))
    return out.getvalue()


def json_lines(found: Sequence[Evaluation], seen: Seen) -> list[str]:
    """Some scores as JSON objects, one a row of the CSV; nothing is neutralised, because nothing computes it."""
    return [json.dumps(row, ensure_ascii=False) for one in found for row in rows(one, seen)]
