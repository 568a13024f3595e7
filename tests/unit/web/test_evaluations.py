"""Scores over HTTP: who writes, reads, disputes and decides, and what each mistake is answered with."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from cti.domain.errors import Unavailable
from cti.domain.evaluation import EvaluationState
from cti.domain.evaluationform import document_of
from cti.domain.model import AgentId, ChannelName, Consultation, TenantId, UniqueId
from tests.unit.domain.evaluations import FORM
from tests.unit.web.conftest import PASSWORD, Site
from tests.unit.web.evaluations import FakeEvaluations
from tests.unit.web.fakes import DEMO, SOUND, T0, call_id, closed_call, person, recording

CALL = f"/api/calls/{closed_call(10).call_id}/evaluations"


def said(**values: int | None) -> dict[str, dict[str, Any]]:
    return {
        name: {"value": value, "na": value is None, "comment": "", "at_s": None} for name, value in values.items()
    }  # fmt: skip


FULL = said(greeting=2, name=3, verified=2, solved=4)


@pytest.fixture
def kept(site: Site) -> FakeEvaluations:
    """A call of sato's, two people who score, and a supervisor."""
    site.fakes.calls.rows.append(closed_call(10))
    hashed = site.fakes.users.rows[DEMO, "watanabe"].password_hash
    site.fakes.users.add(person("mori", "qa"), hashed)
    return site.fakes.evaluations


async def asked(client: aiohttp.ClientSession, method: str, where: str, body: Any = None) -> tuple[int, Any]:
    async with client.request(method, where, json=body) as answer:
        return answer.status, await answer.json() if answer.content_type.endswith("json") else await answer.text()


async def begun(client: aiohttp.ClientSession) -> dict[str, Any]:
    status, draft = await asked(client, "POST", CALL, {"agent": "sato", "form": "members"})
    assert status == 200, draft
    assert isinstance(draft, dict)
    return draft


async def submitted(client: aiohttp.ClientSession, answers: Any = FULL) -> dict[str, Any]:
    draft = await begun(client)
    where = f"/api/evaluations/{draft['id']}"
    _, saved = await asked(client, "PUT", where, {"version": draft["version"], "answers": answers, "note": "丁寧"})
    status, done = await asked(client, "POST", f"{where}/submit", {"version": saved["evaluation"]["version"]})
    assert status == 200, done
    assert isinstance(done, dict)
    return done


async def test_a_call_is_scored_disputed_and_decided(site: Site, kept: FakeEvaluations) -> None:
    qa, agent, lead = [await site.logged_in(login) for login in ("watanabe", "sato", "tanaka")]
    done = await submitted(qa)
    assert (done["state"], done["score"], done["first_score"]) == ("submitted", 75.6, 75.6)
    _, mine = await asked(agent, "GET", "/api/my/evaluations")
    assert [(one["id"], one["evaluator_name"]) for one in mine["evaluations"]] == [(done["id"], "渡辺 健")]
    where = f"/api/my/evaluations/{done['id']}"
    status, read = await asked(agent, "GET", where)
    assert (status, read["answers"], read["disputable_until"][:10]) == (200, FULL, "2026-11-27")
    status, told = await asked(agent, "POST", f"{where}/dispute", {"version": 3, "reason": "解決しました"})
    assert (status, told["state"], told["dispute"]) == (200, "disputed", "解決しました")
    review = {
        "version": 4, "outcome": "changed", "answers": {**FULL, **said(solved=5)}, "note": "確認しました"
    }  # fmt: skip
    status, final = await asked(lead, "POST", f"/api/evaluations/{done['id']}/review", review)
    assert (status, final["state"], final["outcome"], final["reviewer"]) == (200, "reviewed", "changed", "tanaka")
    assert (final["score"], final["first_score"], final["first_answers"]) == (90.6, 75.6, FULL)
    assert [entry.what for entry in site.fakes.audit.entries if entry.what.startswith("evaluation")] == [
        "evaluation.begun", "evaluation.submitted", "evaluation.disputed", "evaluation.reviewed",
    ]  # fmt: skip
    assert "解決" not in str(site.fakes.audit.entries), "the trail keeps no words"


async def test_a_draft_is_saved_over_the_version_that_was_seen(site: Site, kept: FakeEvaluations) -> None:
    qa = await site.logged_in("watanabe")
    draft = await begun(qa)
    assert (await begun(qa))["id"] == draft["id"], "to begin again is to go on"
    where, body = f"/api/evaluations/{draft['id']}", {"version": 1, "answers": said(name=5), "note": ""}
    _, first = await asked(qa, "PUT", where, body)
    assert (first["saved"], first["evaluation"]["version"], first["evaluation"]["score"]) == (True, 2, 100.0)
    _, again = await asked(qa, "PUT", where, body)
    assert (again["saved"], again["evaluation"]["version"]) == (True, 2), "a lost answer asked for again"
    _, other = await asked(qa, "PUT", where, {**body, "note": "別の画面"})
    assert (other["saved"], other["evaluation"]["note"]) == (False, "")


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (said(name=6), "from 1 to 5"),
        (said(nothing=1), "no question"),
        ({"verified": {"value": None, "na": True, "comment": "", "at_s": None}}, "always applies"),
        ({"name": {"value": 3, "na": False, "comment": "x\x00", "at_s": None}}, "comment"),
        ({"name": {"value": 3, "na": False, "comment": "", "at_s": -1}}, "at_s"),
    ],
)
async def test_answers_that_do_not_fit_are_refused(site: Site, kept: FakeEvaluations, answers: Any, says: str) -> None:
    qa = await site.logged_in("watanabe")
    draft = await begun(qa)
    body = {"version": 1, "answers": answers, "note": ""}
    status, problem = await asked(qa, "PUT", f"/api/evaluations/{draft['id']}", body)
    assert (status, says in str(problem["problems"])) == (400, True), problem
    assert kept.rows[draft["id"]].answers == {}


async def test_only_what_is_whole_is_submitted(site: Site, kept: FakeEvaluations) -> None:
    qa = await site.logged_in("watanabe")
    draft = await begun(qa)
    status, problem = await asked(qa, "POST", f"/api/evaluations/{draft['id']}/submit", {"version": 1})
    assert (status, problem["key"], len(problem["problems"])) == (400, "bad_answers", 4)
    assert kept.rows[draft["id"]].state is EvaluationState.DRAFT


async def test_what_was_submitted_is_not_written_again(site: Site, kept: FakeEvaluations) -> None:
    qa = await site.logged_in("watanabe")
    done = await submitted(qa)
    where = f"/api/evaluations/{done['id']}"
    status, problem = await asked(qa, "PUT", where, {"version": 3, "answers": {}, "note": ""})
    assert (status, problem["key"]) == (409, "evaluation_not_now")
    for step in ("submit", "discard"):
        status, problem = await asked(qa, "POST", f"{where}/{step}", {"version": 3})
        assert (status, problem["key"]) == (409, "evaluation_not_now"), step


async def test_nobody_reads_anothers_draft_or_a_score_they_have_not_given_yet(
    site: Site, kept: FakeEvaluations
) -> None:
    watanabe, mori, lead, agent = [await site.logged_in(one) for one in ("watanabe", "mori", "tanaka", "sato")]
    draft = await begun(watanabe)
    for client in (mori, lead):
        assert (await asked(client, "GET", f"/api/evaluations/{draft['id']}"))[0] == 404
        assert (await asked(client, "GET", CALL))[1]["evaluations"] == []
        assert (await asked(client, "GET", "/api/evaluations"))[1]["evaluations"] == []
    status, _ = await asked(mori, "PUT", f"/api/evaluations/{draft['id']}", {"version": 1, "answers": {}, "note": ""})
    assert status == 404
    assert (await asked(agent, "GET", f"/api/my/evaluations/{draft['id']}"))[0] == 404
    site.fakes.clock.passed_s += 60
    theirs = await submitted(mori)
    _, of_call = await asked(watanabe, "GET", CALL)
    assert ([one["id"] for one in of_call["evaluations"]], of_call["hidden"]) == ([draft["id"]], 1)
    status, problem = await asked(watanabe, "GET", f"/api/evaluations/{theirs['id']}")
    assert (status, problem["key"]) == (409, "own_draft_first")
    for query in ("", "?least=70"):
        listed = (await asked(watanabe, "GET", f"/api/evaluations{query}"))[1]["evaluations"]
        assert theirs["id"] not in [one["id"] for one in listed], "nor by a list"
    assert theirs["id"] not in (await asked(watanabe, "GET", "/api/evaluation-export"))[1]
    assert theirs["id"] in (await asked(lead, "GET", "/api/evaluation-export"))[1]
    await submitted(watanabe, {**FULL, **said(solved=2)})
    assert theirs["id"] in (await asked(watanabe, "GET", "/api/evaluation-export"))[1]
    _, of_call = await asked(watanabe, "GET", CALL)
    (comparison,) = of_call["comparisons"]
    assert (of_call["hidden"], comparison["scores"]) == (0, [45.6, 75.6])
    solved = next(one for one in comparison["questions"] if one["question"] == "solved")
    assert (solved["given"], solved["spread"], solved["agreement"]) == ([2, 4], 0.5, 0.0)
    assert (comparison["spread"], comparison["agreement"]) == (30.0, 0.75)


async def test_an_agent_hears_the_call_they_were_scored_for_and_no_colleague(site: Site, kept: FakeEvaluations) -> None:
    draft = await begun(await site.logged_in("watanabe"))
    where = f"/api/my/evaluations/{draft['id']}/audio"
    agent, call = await site.logged_in("sato"), call_id(10)
    site.fakes.recordings.rows[call] = recording(10)
    assert (await asked(agent, "GET", where))[0] == 404, "a draft is nobody's yet"
    done = await submitted(await site.logged_in("watanabe"))
    assert done["id"] == draft["id"]
    site.fakes.audit.entries.clear()
    async with agent.get(where, headers={"Range": "bytes=0-99"}) as answer:
        assert (answer.status, await answer.read()) == (206, SOUND[:100])
    (entry,) = site.fakes.audit.entries
    assert (entry.who, entry.what, entry.which) == ("sato", "recording.listened", call)
    assert (await asked(await site.logged_in("suzuki"), "GET", where))[0] == 404
    assert (await asked(agent, "GET", f"/api/recordings/{call}/audio"))[0] == 403, "their own score alone opens it"
    for agents, status in ((("sato", "suzuki"), 403), ((), 403), (("sato",), 200)):
        site.fakes.recordings.rows[call] = recording(10, agents=tuple(map(AgentId, agents)))
        async with agent.get(where) as answer:
            assert answer.status == status, agents
    helped = Consultation(
        first=AgentId("sato"),
        second=AgentId("suzuki"),
        channel=ChannelName("PJSIP/x"),
        uniqueid=UniqueId("1.9"),
        began_at=T0,
    )
    site.fakes.calls.rows[-1] = replace(site.fakes.calls.rows[-1], consultations=(helped,))
    assert (await asked(agent, "GET", where))[0] == 403, "a colleague who was asked is heard, and in no talk"
    site.fakes.calls.rows[-1] = replace(site.fakes.calls.rows[-1], consultations=())
    site.fakes.recordings.rows[call] = recording(10, status="deleted", size=None, sha256=None)
    assert (await asked(agent, "GET", where))[0] == 404
    assert [one.who for one in site.fakes.audit.entries if one.what == "recording.listened"] == ["sato", "sato"]


async def test_an_agent_sees_only_their_own_and_disputes_within_the_days(site: Site, kept: FakeEvaluations) -> None:
    done = await submitted(await site.logged_in("watanabe"))
    other = await site.logged_in("suzuki")
    where = f"/api/my/evaluations/{done['id']}"
    assert (await asked(other, "GET", where))[0] == 404
    assert (await asked(other, "GET", "/api/my/evaluations"))[1]["evaluations"] == []
    assert (await asked(other, "GET", "/api/my/evaluations?agent=sato"))[1]["evaluations"] == []
    assert (await asked(other, "POST", f"{where}/dispute", {"version": 3, "reason": "x"}))[0] == 404
    site.fakes.clock.passed_s += 7 * 86_400 + 1
    agent = await site.logged_in("sato")
    status, problem = await asked(agent, "POST", f"{where}/dispute", {"version": 3, "reason": "x"})
    assert (status, problem["key"]) == (409, "dispute_over")


async def test_who_scored_does_not_decide_and_nobody_scores_themselves(site: Site, kept: FakeEvaluations) -> None:
    hashed = site.fakes.users.rows[DEMO, "watanabe"].password_hash
    site.fakes.users.add(person("both", "qa", "supervisor"), hashed)
    site.fakes.users.add(person("self", "qa", "agent", agent="sato"), hashed)
    both, agent, own = [await site.logged_in(one) for one in ("both", "sato", "self")]
    done = await submitted(both)
    await asked(agent, "POST", f"/api/my/evaluations/{done['id']}/dispute", {"version": 3, "reason": "x"})
    review = {"version": 4, "outcome": "upheld", "note": "x"}
    status, problem = await asked(both, "POST", f"/api/evaluations/{done['id']}/review", review)
    assert (status, problem["key"]) == (403, "own_evaluation")
    status, problem = await asked(own, "POST", CALL, {"agent": "sato", "form": "members"})
    assert (status, problem["key"]) == (403, "own_evaluation")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"agent": "suzuki", "form": "members"}, "no_part"),  # the phone rang, and that was all
        ({"agent": "sato", "form": "none"}, "no_such_form"),
    ],
)
async def test_what_cannot_be_scored(site: Site, kept: FakeEvaluations, body: Any, key: str) -> None:
    status, problem = await asked(await site.logged_in("watanabe"), "POST", CALL, body)
    assert (status, problem["key"]) == (409, key)
    assert kept.rows == {}


async def test_another_desk_sees_nothing(site: Site, kept: FakeEvaluations) -> None:
    done = await submitted(await site.logged_in("watanabe"))
    hashed = site.fakes.users.rows[DEMO, "watanabe"].password_hash
    site.fakes.users.add(replace(person("watanabe", "qa", "supervisor"), tenant=TenantId("other")), hashed)
    client = site.client()
    login = {"tenant": "other", "login": "watanabe", "password": PASSWORD}
    assert (await asked(client, "POST", "/api/login", login))[0] == 200
    assert (await asked(client, "GET", f"/api/evaluations/{done['id']}"))[0] == 404
    assert (await asked(client, "GET", CALL))[0] == 404
    assert (await asked(client, "GET", "/api/evaluations"))[1]["evaluations"] == []
    assert (await asked(client, "GET", "/api/evaluation-forms"))[1]["forms"] == []
    assert "sato" not in (await asked(client, "GET", "/api/evaluation-export"))[1]


async def test_a_form_is_published_as_a_version_and_old_scores_keep_theirs(site: Site, kept: FakeEvaluations) -> None:
    qa, lead = await site.logged_in("watanabe"), await site.logged_in("tanaka")
    done = await submitted(qa)
    _, history = await asked(lead, "GET", "/api/evaluation-forms/members")
    form = history["versions"][0]["form"]
    form["sections"][1]["questions"][1]["weight"] = 50
    where = "/api/evaluation-forms/members"
    status, published = await asked(lead, "PUT", where, {"form": form, "after": 1, "note": "重み"})
    assert (status, published["version"]) == (200, 2)
    status, problem = await asked(lead, "PUT", where, {"form": form, "after": 1, "note": ""})
    assert (status, problem["key"]) == (409, "form_changed")
    _, read = await asked(qa, "GET", f"/api/evaluations/{done['id']}")
    assert (read["form_version"], read["newest_version"], read["score"]) == (1, 2, 75.6)
    assert read["form"]["sections"][1]["questions"][1]["weight"] == 4
    status, _ = await asked(lead, "PUT", f"{where}/active", {"active": False})
    assert status == 204
    assert (await asked(qa, "GET", CALL))[1]["forms"] == []


async def test_a_form_that_cannot_be_scored_on_is_refused_by_its_place(site: Site, kept: FakeEvaluations) -> None:
    lead = await site.logged_in("tanaka")
    form = json.loads(json.dumps(document_of(FORM)))
    form["sections"][0]["questions"][1]["id"] = "greeting"
    status, problem = await asked(lead, "PUT", "/api/evaluation-forms/members", {"form": form, "after": 1})
    assert (status, problem["key"]) == (400, "bad_form")
    assert problem["problems"] == [
        "sections.0.questions.1.id: question 'greeting' is there twice in this form; give one of them another id"
    ]
    status, problem = await asked(lead, "PUT", "/api/evaluation-forms/No%20Slug", {"form": form, "after": 0})
    assert (status, problem["key"]) == (400, "bad_form")


async def test_the_export_is_read_by_spreadsheets_and_computes_nothing(site: Site, kept: FakeEvaluations) -> None:
    qa = await site.logged_in("watanabe")
    answers = {**FULL, "name": {"value": 3, "na": False, "comment": '=HYPERLINK("x")\n二行目', "at_s": 12.5}}
    await submitted(qa, answers)
    await begun(await site.logged_in("mori"))
    async with qa.get("/api/evaluation-export") as answer:
        assert (answer.status, answer.content_type) == (200, "text/csv")
        raw = await answer.read()
    assert raw.startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    assert [row["question"] for row in rows] == ["greeting", "name", "verified", "solved"], "no draft is exported"
    assert (rows[1]["comment"], rows[1]["moment_s"]) == ('\'=HYPERLINK("x")\n二行目', "12.5")
    assert (rows[0]["score"], rows[0]["evaluator_name"]) == ("75.6", "渡辺 健")
    async with qa.get("/api/evaluation-export?format=json") as answer:
        told = await answer.json()
    assert (len(told), told[1]["comment"], told[1]["value"]) == (4, '=HYPERLINK("x")\n二行目', 3)
    async with qa.get("/api/evaluation-export?format=json&agent=nobody") as answer:
        assert await answer.json() == []
    assert [entry.what for entry in site.fakes.audit.entries].count("evaluation.exported") == 3


async def test_a_long_export_comes_page_by_page_and_whole(
    site: Site, kept: FakeEvaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti.web.evaluationforms.EXPORT_PAGE", 2)
    qa = await site.logged_in("watanabe")
    done = await submitted(qa)
    first = kept.rows[done["id"]]
    for n in range(4):
        kept.rows[f"{n:032x}"] = replace(first, evaluation_id=f"{n:032x}")
    async with qa.get("/api/evaluation-export?format=json") as answer:
        told = await answer.json()
    assert len({row["evaluation"] for row in told}) == 5
    async with qa.get("/api/evaluation-export?bom=false") as answer:
        text = await answer.text()
    assert (text.count("\r\n"), text.count("evaluator_name"), text[0]) == (21, 1, "e")


async def test_the_list_goes_on_where_it_ended(site: Site, kept: FakeEvaluations) -> None:
    qa = await site.logged_in("watanabe")
    first = kept.rows[(await submitted(qa))["id"]]
    for n in range(4):
        kept.rows[f"{n:032x}"] = replace(first, evaluation_id=f"{n:032x}")
    seen: list[str] = []
    where = "/api/evaluations?limit=2"
    while where:
        _, page = await asked(qa, "GET", where)
        seen += [one["id"] for one in page["evaluations"]]
        where = f"/api/evaluations?limit=2&after={page['next']}" if page["next"] else ""
    assert (len(seen), len(set(seen))) == (5, 5)
    assert (await asked(qa, "GET", "/api/evaluations?least=80"))[1]["evaluations"] == []


async def test_with_the_database_away_nothing_is_said_to_be_saved(site: Site, kept: FakeEvaluations) -> None:
    qa = await site.logged_in("watanabe")
    draft = await begun(qa)
    kept.away = True
    body = {"version": 1, "answers": FULL, "note": ""}
    assert (await asked(qa, "PUT", f"/api/evaluations/{draft['id']}", body))[0] == 503
    assert (await asked(qa, "GET", "/api/evaluation-export"))[0] == 503


async def test_an_export_that_breaks_off_is_seen_to_be_cut(
    site: Site, kept: FakeEvaluations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti.web.evaluationforms.EXPORT_PAGE", 1)
    qa = await site.logged_in("watanabe")
    first = kept.rows[(await submitted(qa))["id"]]
    kept.rows["f" * 32] = replace(first, evaluation_id="f" * 32)
    page, asked_for = kept.page, 0

    async def fails(tenant: TenantId, wanted: Any) -> Any:
        nonlocal asked_for
        asked_for += 1
        if asked_for > 1:
            raise Unavailable("away")
        return await page(tenant, wanted)

    monkeypatch.setattr(kept, "page", fails)
    with pytest.raises(aiohttp.ClientError):
        async with qa.get("/api/evaluation-export") as answer:
            await answer.read()
