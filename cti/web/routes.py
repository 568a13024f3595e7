"""One table of every route: who may use it, what it reads and what it answers. PURE.

``server`` mounts it, ``auth`` enforces it, ``openapi`` describes it, a test tries every route with every role.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from cti.domain.access import ROLE_RIGHTS, Right, holders
from cti.web import (
    actionbodies,
    afterbodies,
    announcementbodies,
    bodies,
    dialbodies,
    evaluationbodies,
    outgoingbodies,
    parts,
    phonebodies,
)

AGENT, SUPERVISOR, QA, ADMIN, INTEGRATOR = "agent", "supervisor", "qa", "admin", "integrator"
EVERYBODY = frozenset({AGENT, SUPERVISOR, QA, ADMIN})  # people of the desk
ANYBODY = frozenset(ROLE_RIGHTS)  # and programs of other systems
ROLES = tuple(ROLE_RIGHTS)
# Whoever has a right on recordings may look for the one they want.
RECORDINGS = holders(Right.LISTEN, Right.DOWNLOAD, Right.DELETE, Right.HOLD)


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A route of the HTTP API."""

    name: str  # handler's key, OpenAPI's operationId
    method: str
    path: str
    summary: str
    roles: frozenset[str] | None  # None: no log-in needed
    first_password: bool = False  # allowed while the first password has not been changed
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None  # None: no JSON body (see ``media``)
    status: int = 200
    media: str = "application/json"


ROUTES: tuple[Route, ...] = (
    Route(name="login", method="POST", path="/api/login", roles=None, body=bodies.LoginRequest, answer=bodies.Me,
          summary="Log in; answers with a session cookie"),
    Route(name="logout", method="POST", path="/api/logout", roles=ANYBODY, first_password=True, status=204,
          summary="Log out"),
    Route(name="me", method="GET", path="/api/me", roles=ANYBODY, first_password=True, answer=bodies.Me,
          summary="Who is logged in"),
    Route(name="change_password", method="PUT", path="/api/me/password", roles=ANYBODY, first_password=True,
          body=bodies.PasswordRequest, status=204, summary="Change one's own password; ends all other sessions"),
    Route(name="set_my_state", method="PUT", path="/api/my/state", roles=frozenset({AGENT}),
          body=bodies.StateRequest, answer=parts.AgentBody, summary="Choose one's state"),
    Route(name="my_calls_today", method="GET", path="/api/my/calls/today", roles=frozenset({AGENT}),
          answer=bodies.MyCalls, summary="One's own calls since midnight"),
    Route(name="list_reasons", method="GET", path="/api/reasons", roles=EVERYBODY, answer=afterbodies.ReasonTree,
          summary="The desk's tree of reason codes"),
    Route(name="my_call_after", method="GET", path="/api/my/calls/{call_id}/after", roles=frozenset({AGENT}),
          answer=afterbodies.CallAfter, summary="What is kept of a call of one's own: notes, reasons, tickets"),
    Route(name="save_my_note", method="PUT", path="/api/my/calls/{call_id}/note", roles=frozenset({AGENT}),
          body=afterbodies.NoteRequest, answer=afterbodies.NoteSaved,
          summary="Save one's note and reasons over the version one has seen"),
    Route(name="ask_ticket", method="POST", path="/api/my/calls/{call_id}/tickets", roles=frozenset({AGENT}),
          body=afterbodies.TicketRequest, answer=afterbodies.TicketLine, status=202,
          summary="Open a ticket for a call, or join it to one: stored, then asked for once; audited"),
    Route(name="my_call", method="GET", path="/api/my/call", roles=frozenset({AGENT}), answer=bodies.MyTalk,
          summary="The call one is on the line with, and what may be asked for"),
    Route(name="command_my_call", method="POST", path="/api/my/call", roles=frozenset({AGENT}),
          body=bodies.CommandRequest, answer=bodies.MyTalk,
          summary="Hold, resume, consult, swap, join, return, complete, pass on; answers when it is so"),
    Route(name="my_phone", method="GET", path="/api/my/phone", roles=frozenset({AGENT}), answer=phonebodies.MyPhone,
          summary="What one speaks with: a SIP phone, or this page"),
    Route(name="log_in_my_phone", method="POST", path="/api/my/phone", roles=frozenset({AGENT}),
          answer=phonebodies.PhoneLogInBody,
          summary="With what this page registers at Asterisk, where the page is the phone"),
    Route(name="bring_my_call_back", method="POST", path="/api/my/phone/back", roles=frozenset({AGENT}), status=204,
          summary="This page is a phone again, and had a call: it comes back now instead of after 5 s of silence"),
    Route(name="report_my_quality", method="PUT", path="/api/my/calls/{call_id}/quality", roles=frozenset({AGENT}),
          body=phonebodies.QualityRequest, status=204,
          summary="How the call one talks in, or just talked in, sounds at this page; kept in its record"),
    Route(name="my_dialling", method="GET", path="/api/my/dial", roles=frozenset({AGENT}),
          answer=dialbodies.MyDialling, summary="Whether one may have numbers dialled, and how many more this hour"),
    Route(name="dial", method="POST", path="/api/my/dial", roles=frozenset({AGENT}), body=dialbodies.DialRequest,
          answer=dialbodies.DialAnswer, summary="Have a number dialled; one's own phone rings first"),
    Route(name="list_calls", method="GET", path="/api/calls", roles=frozenset({SUPERVISOR, QA, ADMIN}),
          query=bodies.CallQuery, answer=bodies.CallPage, summary="Calls, newest first"),
    Route(name="get_call", method="GET", path="/api/calls/{call_id}", roles=frozenset({SUPERVISOR, QA, ADMIN}),
          answer=bodies.CallRecord, summary="The contact record of a call"),
    Route(name="get_queues", method="GET", path="/api/queues", roles=EVERYBODY, answer=parts.Board,
          summary="Queues and agents, now"),
    Route(name="call_decisions", method="GET", path="/api/calls/{call_id}/decisions",
          roles=frozenset({SUPERVISOR, QA, ADMIN}), answer=actionbodies.CallDecisions,
          summary="Every decision about a call in words, and why it still waits"),
    Route(name="move_call", method="POST", path="/api/waiting/{call_id}/move", roles=frozenset({SUPERVISOR}),
          body=actionbodies.MoveRequest, answer=actionbodies.WaitingWhy,
          summary="Move a waiting caller to another queue, age kept; audited"),
    Route(name="prioritise_call", method="PUT", path="/api/waiting/{call_id}/priority", roles=frozenset({SUPERVISOR}),
          body=actionbodies.PriorityRequest, answer=actionbodies.WaitingWhy,
          summary="Give a waiting call a priority of its own; audited"),
    Route(name="set_agent_state", method="PUT", path="/api/agents/{agent}/state", roles=frozenset({SUPERVISOR}),
          body=actionbodies.AgentStateRequest, answer=parts.AgentBody,
          summary="Set an agent's state, or log them out; audited"),
    Route(name="list_skills", method="GET", path="/api/skills", roles=frozenset({SUPERVISOR}),
          answer=actionbodies.SkillList, summary="The skills of the desk"),
    Route(name="get_agent_skills", method="GET", path="/api/agents/{agent}/skills", roles=frozenset({SUPERVISOR}),
          answer=actionbodies.AgentSkills, summary="An agent's skills, and who said so"),
    Route(name="set_agent_skills", method="PUT", path="/api/agents/{agent}/skills", roles=frozenset({SUPERVISOR}),
          body=actionbodies.SkillsRequest, answer=actionbodies.AgentSkills,
          summary="Change an agent's skills and levels, at once; audited"),
    Route(name="get_plan", method="GET", path="/api/queues/{queue}/plan", roles=frozenset({SUPERVISOR}),
          answer=actionbodies.QueuePlan, summary="A queue's plan and its versions"),
    Route(name="check_plan", method="POST", path="/api/queues/{queue}/plan/check", roles=frozenset({SUPERVISOR}),
          body=actionbodies.PlanCheckRequest, answer=actionbodies.PlanCheck,
          summary="What publishing a plan would say, without doing it"),
    Route(name="publish_plan", method="POST", path="/api/queues/{queue}/plan", roles=frozenset({SUPERVISOR}),
          body=actionbodies.PlanRequest, answer=actionbodies.PlanPublished,
          summary="Publish a plan, for those who wait too; audited"),
    Route(name="revert_plan", method="POST", path="/api/queues/{queue}/plan/revert", roles=frozenset({SUPERVISOR}),
          body=actionbodies.RevertRequest, answer=actionbodies.PlanPublished,
          summary="Publish an earlier version's plan again; audited"),
    Route(name="list_callbacks", method="GET", path="/api/callbacks", roles=frozenset({SUPERVISOR, ADMIN}),
          query=bodies.CallbackQuery, answer=bodies.CallbackPage,
          summary="Callers who keep their place and are called back"),
    Route(name="cancel_callback", method="POST", path="/api/callbacks/{callback_id}/cancel",
          roles=frozenset({SUPERVISOR, ADMIN}), answer=bodies.CallbackLine,
          summary="Do not call this person back; audited"),
    Route(name="list_announcements", method="GET", path="/api/announcements", roles=frozenset({SUPERVISOR}),
          answer=announcementbodies.AnnouncementList, summary="What is announced to callers now"),
    Route(name="publish_announcement", method="POST", path="/api/announcements", roles=frozenset({SUPERVISOR}),
          body=announcementbodies.AnnouncementRequest, answer=announcementbodies.AnnouncementBody,
          summary="Announce something to the callers of a queue or a number; answers when it is spoken"),
    Route(name="withdraw_announcement", method="DELETE", path="/api/announcements/{announcement}", status=204,
          roles=frozenset({SUPERVISOR}), summary="End an announcement before its time"),
    Route(name="list_recordings", method="GET", path="/api/recordings", roles=RECORDINGS,
          query=bodies.RecordingQuery, answer=bodies.RecordingPage, summary="Recordings, newest call first"),
    Route(name="get_audio", method="GET", path="/api/recordings/{call_id}/audio", roles=holders(Right.LISTEN),
          media="audio/*", summary="The recording; Range is answered, every listen is audited"),
    Route(name="download_recording", method="GET", path="/api/recordings/{call_id}/file",
          roles=holders(Right.DOWNLOAD), media="audio/*", summary="The recording as a file; every download is audited"),
    Route(name="get_peaks", method="GET", path="/api/recordings/{call_id}/peaks", roles=holders(Right.LISTEN),
          answer=bodies.Peaks, summary="The wave to draw"),
    Route(name="list_evaluation_forms", method="GET", path="/api/evaluation-forms",
          roles=frozenset({SUPERVISOR, QA, ADMIN}), answer=evaluationbodies.FormList,
          summary="Forms that calls are scored on"),
    Route(name="get_evaluation_form", method="GET", path="/api/evaluation-forms/{form}",
          roles=frozenset({SUPERVISOR, QA, ADMIN}), answer=evaluationbodies.FormHistory,
          summary="A form and its versions"),
    Route(name="publish_evaluation_form", method="PUT", path="/api/evaluation-forms/{form}",
          roles=frozenset({SUPERVISOR, ADMIN}), body=evaluationbodies.FormRequest,
          answer=evaluationbodies.FormPublished,
          summary="Publish a form's next version; scores keep the version they were made on; audited"),
    Route(name="set_evaluation_form_active", method="PUT", path="/api/evaluation-forms/{form}/active",
          roles=frozenset({SUPERVISOR, ADMIN}), body=evaluationbodies.FormActiveRequest, status=204,
          summary="Whether new scores may be begun on a form; audited"),
    Route(name="call_evaluations", method="GET", path="/api/calls/{call_id}/evaluations",
          roles=frozenset({SUPERVISOR, QA}), answer=evaluationbodies.CallEvaluations,
          summary="What is scored of a call, and where people differ"),
    Route(name="begin_evaluation", method="POST", path="/api/calls/{call_id}/evaluations", roles=frozenset({QA}),
          body=evaluationbodies.BeginRequest, answer=evaluationbodies.EvaluationBody,
          summary="Begin to score an agent's part of a call, or go on with one's draft; audited"),
    Route(name="list_evaluations", method="GET", path="/api/evaluations", roles=frozenset({SUPERVISOR, QA}),
          query=evaluationbodies.EvaluationQuery, answer=evaluationbodies.EvaluationPage,
          summary="Scores, newest first; drafts only one's own"),
    Route(name="get_evaluation", method="GET", path="/api/evaluations/{evaluation}",
          roles=frozenset({SUPERVISOR, QA}), answer=evaluationbodies.EvaluationBody, summary="A score"),
    Route(name="save_evaluation", method="PUT", path="/api/evaluations/{evaluation}", roles=frozenset({QA}),
          body=evaluationbodies.DraftRequest, answer=evaluationbodies.EvaluationSaved,
          summary="Save one's draft over the version one has seen"),
    Route(name="submit_evaluation", method="POST", path="/api/evaluations/{evaluation}/submit", roles=frozenset({QA}),
          body=evaluationbodies.SeenRequest, answer=evaluationbodies.EvaluationBody,
          summary="The agent may read it from now on; audited"),
    Route(name="discard_evaluation", method="POST", path="/api/evaluations/{evaluation}/discard",
          roles=frozenset({QA}), body=evaluationbodies.SeenRequest, status=204, summary="Forget one's draft; audited"),
    Route(name="review_evaluation", method="POST", path="/api/evaluations/{evaluation}/review",
          roles=frozenset({SUPERVISOR}), body=evaluationbodies.ReviewRequest, answer=evaluationbodies.EvaluationBody,
          summary="Decide a dispute: uphold the score or change it; audited"),
    Route(name="export_evaluations", method="GET", path="/api/evaluation-export", roles=frozenset({SUPERVISOR, QA}),
          query=evaluationbodies.ExportQuery, media="text/csv",
          summary="Submitted scores as CSV or JSON, one row an answer; audited"),
    Route(name="my_evaluations", method="GET", path="/api/my/evaluations", roles=frozenset({AGENT}),
          query=evaluationbodies.EvaluationQuery, answer=evaluationbodies.EvaluationPage,
          summary="Scores of one's own work"),
    Route(name="my_evaluation", method="GET", path="/api/my/evaluations/{evaluation}", roles=frozenset({AGENT}),
          answer=evaluationbodies.EvaluationBody, summary="A score of one's own work"),
    Route(name="dispute_evaluation", method="POST", path="/api/my/evaluations/{evaluation}/dispute",
          roles=frozenset({AGENT}), body=evaluationbodies.DisputeRequest, answer=evaluationbodies.EvaluationBody,
          summary="Say why a score of one's own work is wrong; audited"),
    Route(name="list_outgoing", method="GET", path="/api/outgoing", roles=frozenset({ADMIN, INTEGRATOR}),
          query=outgoingbodies.OutgoingQuery, answer=outgoingbodies.OutgoingPage,
          summary="What happened, for other systems: in order, none missed (docs/webhooks.md)"),
    Route(name="agent_socket", method="GET", path="/api/socket", roles=frozenset({AGENT, SUPERVISOR, ADMIN}),
          status=101, media="", summary="The agent socket (WebSocket, see docs/protocol.md)"),
    Route(name="openapi", method="GET", path="/api/openapi.json", roles=None, answer=bodies.OpenApiDocument,
          summary="This description"),
    Route(name="healthz", method="GET", path="/healthz", roles=None, answer=bodies.Health,
          summary="The process is alive"),
    Route(name="readyz", method="GET", path="/readyz", roles=None, answer=bodies.Ready,
          summary="What is ready and what is not"),
    Route(name="metrics", method="GET", path="/metrics", roles=None, media="text/plain",
          summary="Figures for Prometheus"),
)  # fmt: skip
