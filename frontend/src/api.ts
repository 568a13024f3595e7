/** The HTTP API, typed from the server's schema. Every failure is a `Refusal` that can be shown to a person. */
import { language } from "./i18n";
import type {
  NameList,
  AgentBody,
  AgentSkills,
  AgentStateRequest,
  AnnouncementBody,
  AnnouncementList,
  AnnouncementRequest,
  Board,
  CallbackLine,
  CallbackPage,
  CallDecisions,
  CallRecord,
  CommentBody,
  CommentEditRequest,
  CommentList,
  CommentRequest,
  DialAnswer,
  DialRequest,
  CallAfter,
  LoginRequest,
  Me,
  MyCalls,
  MyDialling,
  MemberRequest,
  MyPhone,
  MySavedNumbers,
  MyStates,
  StepRequest,
  NoteRequest,
  NoteSaved,
  PasswordRequest,
  Peaks,
  PhoneLogInBody,
  PlanCheck,
  PlanPublished,
  PlanRequest,
  Problem,
  QualityRequest,
  HoldsRequest,
  QueuePlan,
  Ready,
  ReasonTree,
  MissingRecordings,
  RecordingCountBody,
  RecordingPage,
  RevertRequest,
  SavedSearchBody,
  SavedSearchList,
  SavedSearchRequest,
  SavedNumberEntry,
  SavedNumberList,
  SavedNumberRequest,
  SkillList,
  TicketLine,
  TicketRequest,
  WaitingWhy,
} from "./wire";

export class Refusal extends Error {
  constructor(
    readonly status: number, // 0: the server was not reached
    readonly key: string,
    message: string,
    readonly lines: readonly string[] = [], // sentence by sentence what is wrong, as the server wrote it
  ) {
    super(message);
  }
}

/** Told when the server says that nobody is logged in (any more), or that the password has to be changed first. */
let onNobody: (key: string) => void = () => undefined;
export function whenNobody(tell: (key: string) => void): void {
  onNobody = tell;
}

async function ask(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      ...(signal ? { signal } : {}),
      headers: {
        "Accept-Language": language.value,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Refusal(0, "unreachable", "");
  }
  if (response.ok) return response;
  throw await refusalOf(response);
}

/** A question whose answer has no body. */
export const send = ask;

async function refusalOf(response: Response): Promise<Refusal> {
  const problem = (await response.json().catch(() => null)) as Problem | null;
  const key = problem?.key ?? "server_error";
  if (key === "not_logged_in" || key === "must_change_password") onNobody(key);
  return new Refusal(response.status, key, problem?.title ?? "", problem?.problems ?? [problem?.detail ?? ""].filter(Boolean));
}

export async function read<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
  return (await (await ask(method, path, body)).json()) as Answer;
}

/** An address: what stands in it is somebody's choice of name, and may hold any sign. */
export const at = (...parts: string[]): string => `/api/${parts.map(encodeURIComponent).join("/")}`;

export const api = {
  me: () => read<Me>("GET", "/api/me"),
  login: (body: LoginRequest) => read<Me>("POST", "/api/login", body),
  logout: () => ask("POST", "/api/logout"),
  changePassword: (body: PasswordRequest) => ask("PUT", "/api/me/password", body),
  names: () => read<NameList>("GET", "/api/names"),
  board: () => read<Board>("GET", "/api/queues"),
  myCalls: () => read<MyCalls>("GET", "/api/my/calls/today"),
  myStates: () => read<MyStates>("GET", "/api/my/states/today"),
  reasons: () => read<ReasonTree>("GET", "/api/reasons"),
  /** What is kept of a call of one's own. */
  after: (callId: string) => read<CallAfter>("GET", at("my", "calls", callId, "after")),
  saveNote: (callId: string, body: NoteRequest) => read<NoteSaved>("PUT", at("my", "calls", callId, "note"), body),
  chooseMember: (callId: string, body: MemberRequest) => ask("POST", at("my", "calls", callId, "member"), body),
  markStep: (callId: string, body: StepRequest) => ask("POST", at("my", "calls", callId, "verification"), body),
  askTicket: (callId: string, body: TicketRequest) =>
    read<TicketLine>("POST", at("my", "calls", callId, "tickets"), body),
  myPhone: () => read<MyPhone>("GET", "/api/my/phone"),
  reportQuality: (callId: string, body: QualityRequest) => ask("PUT", at("my", "calls", callId, "quality"), body),
  /** What nobody but this page saw. */
  tellHolds: (callId: string, body: HoldsRequest) => ask("PUT", at("my", "calls", callId, "holds"), body),
  /** The call that was on here comes back, if Asterisk still has it. */
  bringBack: () => ask("POST", "/api/my/phone/back"),
  /** What rang at the phone of before rings here. */
  phoneIsHere: () => ask("POST", "/api/my/phone/here"),
  /** With what this page registers at Asterisk. */
  phoneLogIn: () => read<PhoneLogInBody>("POST", "/api/my/phone"),
  /** `number`: what would be said of that one. */
  dialling: (number?: string) =>
    read<MyDialling>("GET", `/api/my/dial${number === undefined ? "" : `?${new URLSearchParams({ number })}`}`),
  savedNumbers: () => read<SavedNumberList>("GET", "/api/saved-numbers"),
  addSavedNumber: (body: SavedNumberRequest) => read<SavedNumberEntry>("POST", "/api/saved-numbers", body),
  changeSavedNumber: (id: string, body: SavedNumberRequest) => read<SavedNumberEntry>("PUT", at("saved-numbers", id), body),
  removeSavedNumber: (id: string) => ask("DELETE", at("saved-numbers", id)),
  mySavedNumbers: () => read<MySavedNumbers>("GET", "/api/my/saved-numbers"),
  /** One's own phone rings first. */
  dial: (body: DialRequest) => read<DialAnswer>("POST", "/api/my/dial", body),
  call: (callId: string) => read<CallRecord>("GET", `/api/calls/${encodeURIComponent(callId)}`),
  decisions: (callId: string) => read<CallDecisions>("GET", at("calls", callId, "decisions")),
  moveCall: (callId: string, queue: string) => read<WaitingWhy>("POST", at("waiting", callId, "move"), { queue }),
  prioritise: (callId: string, priority: number | null) =>
    read<WaitingWhy>("PUT", at("waiting", callId, "priority"), { priority }),
  setAgentState: (agent: string, body: AgentStateRequest) => read<AgentBody>("PUT", at("agents", agent, "state"), body),
  skills: () => read<SkillList>("GET", "/api/skills"),
  agentSkills: (agent: string) => read<AgentSkills>("GET", at("agents", agent, "skills")),
  setAgentSkills: (agent: string, skills: Record<string, number>) =>
    read<AgentSkills>("PUT", at("agents", agent, "skills"), { skills }),
  plan: (queue: string) => read<QueuePlan>("GET", at("queues", queue, "plan")),
  checkPlan: (queue: string, plan: PlanRequest["plan"]) =>
    read<PlanCheck>("POST", at("queues", queue, "plan", "check"), { plan }),
  publishPlan: (queue: string, body: PlanRequest) => read<PlanPublished>("POST", at("queues", queue, "plan"), body),
  revertPlan: (queue: string, body: RevertRequest) =>
    read<PlanPublished>("POST", at("queues", queue, "plan", "revert"), body),
  callbacks: () => read<CallbackPage>("GET", "/api/callbacks"),
  cancelCallback: (id: string) => read<CallbackLine>("POST", at("callbacks", id, "cancel")),
  announcements: () => read<AnnouncementList>("GET", "/api/announcements"),
  announce: (body: AnnouncementRequest) => read<AnnouncementBody>("POST", "/api/announcements", body),
  withdrawAnnouncement: (id: string) => ask("DELETE", at("announcements", id)),
  /** What the server misses. It answers with an error's status when something is not ready, and with the same body. */
  ready: async () => (await (await fetch("/readyz")).json()) as Ready,
  recordings: (query: Record<string, string>) =>
    read<RecordingPage>("GET", `/api/recordings?${new URLSearchParams(query)}`),
  recordingCount: (query: Record<string, string>) =>
    read<RecordingCountBody>("GET", `/api/recordings/count?${new URLSearchParams(query)}`),
  searches: () => read<SavedSearchList>("GET", "/api/my/searches"),
  saveSearch: (body: SavedSearchRequest) => read<SavedSearchBody>("PUT", "/api/my/searches", body),
  forgetSearch: (name: string) => ask("DELETE", at("my", "searches", name)),
  missingRecordings: () => read<MissingRecordings>("GET", "/api/recordings/missing"),
  comments: (callId: string) => read<CommentList>("GET", at("recordings", callId, "comments")),
  addComment: (callId: string, body: CommentRequest) => read<CommentBody>("POST", at("recordings", callId, "comments"), body),
  editComment: (callId: string, comment: string, body: CommentEditRequest) =>
    read<CommentBody>("PUT", at("recordings", callId, "comments", comment), body),
  deleteComment: (callId: string, comment: string) => ask("DELETE", at("recordings", callId, "comments", comment)),
  peaks: (callId: string) => read<Peaks>("GET", `/api/recordings/${encodeURIComponent(callId)}/peaks`),
  audioUrl: (callId: string) => `/api/recordings/${encodeURIComponent(callId)}/audio`,
  fileUrl: (callId: string) => `/api/recordings/${encodeURIComponent(callId)}/file`,
  /** Why the sound at an address cannot be heard: the media element itself does not say. Null: the server would send it. */
  async audioRefusal(path: string): Promise<Refusal | null> {
    try {
      const answer = await fetch(path, { headers: { Range: "bytes=0-0", "Accept-Language": language.value } });
      if (!answer.ok) return await refusalOf(answer);
      await answer.body?.cancel();
      return null;
    } catch {
      return new Refusal(0, "unreachable", "");
    }
  },
};
