/** Who is logged in, and the one socket of this page. */
import { signal } from "@preact/signals";
import { api, Refusal, whenNobody } from "./api";
import { beginNotes, endNotes, forgetOldDrafts, isSaved, savedSoon, stopNotes } from "./aftercall";
import { type ClientMessage, type Desk, emptyDesk, reduce } from "./desk";
import { callIsHere, forgetDialling } from "./dial";
import { timeZone } from "./i18n";
import { type Connection, DeskSocket } from "./socket";
import { callerText } from "./parts/caller";
import { type Offered, offered } from "./softphone/autoanswer";
import { stopTelling, tellAs } from "./softphone/quality";
import { startPhone, stopPhone } from "./softphone/softphone";
import type { Command, Me, RecordCommand, Right } from "./wire";

/** undefined: not asked yet; null: nobody. */
export const me = signal<Me | null | undefined>(undefined);
export const desk = signal<Desk>(emptyDesk);
export const connection = signal<Connection>("connecting");
/** The server answers, and takes this log-in, but no WebSocket of this page comes through to it. */
export const socketBlocked = signal<boolean>(false);
/** Set when /api/me could not be reached at start. */
export const startProblem = signal<boolean>(false);
/** The log-in ended by itself: the log-in page says so. */
export const sessionOver = signal<boolean>(false);

let socket: DeskSocket | null = null;
// After a call the database has the row within milliseconds; people do not look sooner than this.
const TODAY_MS = 700;
const START_AGAIN_MS = 3_000;
let today: ReturnType<typeof setTimeout> | undefined;
// A server that is about to stop refuses a WebSocket or two while it still answers; this many in a row are the network's.
const BLOCKED_AFTER = 3;
// Whose phone this page is, or was until that log-in ended by itself: their call goes on.
let phoneOf = "";

export async function start(): Promise<void> {
  startProblem.value = false;
  forgetOldDrafts();
  try {
    enter(await api.me());
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) me.value = null;
    else {
      startProblem.value = true;
      setTimeout(() => startProblem.value && void start(), START_AGAIN_MS);
    }
  }
}

whenNobody((key) => {
  if (!me.peek()) return; // nobody was: the log-in page, or the first question of all
  if (key === "must_change_password") void start();
  else {
    stopPhone(false); // a call that is on goes on: it is not the server's
    forget();
    sessionOver.value = true;
  }
});

// Whom the socket tells anything: the server refuses it to who only listens, downloads or answers for privacy.
const TOLD = ["agent", "supervisor", "admin"];

export function enter(who: Me): void {
  me.value = who;
  sessionOver.value = false;
  timeZone.value = who.time_zone;
  const roles = who.user.roles;
  if (!who.user.must_change && roles.some((role) => TOLD.includes(role))) connect();
  if (!who.user.must_change && roles.includes("agent")) {
    const person = `${who.tenant}.${who.user.login}`;
    tellAs(person);
    void startPhone(person === phoneOf);
    phoneOf = person;
  }
  if (!who.user.must_change && roles.includes("agent")) beginNotes(who.tenant, who.user.login);
}

export async function leave(): Promise<void> {
  await endNotes();
  await api.logout().catch(() => undefined);
  stopPhone(false); // nobody hung up: the caller is not cut off, and the phone stays in sight until the call is over
  forget();
}

function forget(): void {
  socket?.close();
  socket = null;
  connection.value = "connecting";
  socketBlocked.value = false;
  clearTimeout(today);
  stopNotes();
  forgetDialling();
  stopTelling();
  offered.value = null;
  desk.value = emptyDesk;
  me.value = null;
}

function connect(): void {
  socket?.close();
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  let refusals = 0; // of the WebSocket in a row, while the server answered
  const away = (blocked: boolean) => {
    if (socket !== opened) return; // logged out meanwhile
    socketBlocked.value = blocked;
    connection.value = "lost";
    offered.value = null;
  };
  const opened = new DeskSocket(`${scheme}://${location.host}/api/socket`, {
    message(message) {
      const next = reduce(desk.value, message, Date.now());
      if (next.stale && !desk.value.stale) opened.hello();
      const finished = desk.value.pop?.phase === "ended" && next.pop === null;
      desk.value = next;
      offered.value = offeredIn(next);
      if (next.pop) callIsHere(next.pop.call_id);
      if (finished || message.type === "pop.withdraw" || message.type === "pop.answered" || message.type === "call.ended") {
        readTodaySoon();
      }
    },
    connection(state) {
      connection.value = state;
      refusals = 0;
      socketBlocked.value = false;
      // What the phone rings for next may be another call: nobody tells.
      if (state === "lost") offered.value = null;
    },
    doubt() {
      api.me().then(
        () => {
          refusals += 1;
          if (refusals >= BLOCKED_AFTER) away(true);
        },
        (error: unknown) => {
          refusals = 0;
          // A session that is over has shown itself (whenNobody); anything else is a server that is away.
          if (!(error instanceof Refusal && error.status === 401)) away(false);
        },
      );
    },
    resume: () => ({ streamId: desk.value.streamId, seq: desk.value.agentSeq }),
  });
  socket = opened;
  opened.open();
}

/** Which call the phone of this agent rings or talks for, as the server says. */
function offeredIn({ pop, talk }: Desk): Offered | null {
  const now = pop && pop.phase !== "ended" ? pop : null;
  const callId = talk?.call_id ?? now?.call_id;
  if (!callId) return null;
  const shown = now?.call_id === callId ? now : null;
  // The phone may ring anew while the server still has the former talk: its queue and caller are not of this ring.
  const rings = shown?.phase === "ringing" ? shown : null;
  return { callId, queue: rings?.queue?.id ?? null, caller: rings ? callerText(rings.caller) : "" };
}

/** The list of today's calls is not in the agent's messages: it is read again when a call changed hands. */
export function readTodaySoon(): void {
  clearTimeout(today);
  today = setTimeout(() => {
    api.myCalls().then(
      (answer) => {
        if (me.peek()) desk.value = { ...desk.value, callsToday: answer.calls };
      },
      () => undefined, // the list as it was is better than none
    );
  }, TODAY_MS);
}

export const send = (message: ClientMessage): boolean => socket?.send(message) ?? false;
/** Asks for a state. The page shows it when the server says so; without a connection it says at once why not. */
export function chooseState(state: "available" | "break" | "training" | "offline" | "wrap_up", reason = ""): void {
  const over = desk.peek().pop;
  if (state !== "available" || over?.phase !== "ended" || isSaved(over.call_id)) return sayState(state, reason);
  // The server wants the reason first, which may have been chosen this moment.
  void savedSoon(over.call_id).then(() => {
    const { pop } = desk.peek();
    if (pop?.phase === "ended" && pop.call_id === over.call_id) sayState(state, reason);
  });
}

function sayState(state: Parameters<typeof chooseState>[0], reason: string): void {
  if (!send({ type: "state.set", state, reason, ref: state })) {
    desk.value = { ...desk.value, lastError: { key: "unreachable", text: "", ref: state } };
  }
}

/** Asks for something to be done with the call on the line; what became of it comes as call.talk, or as an error. */
export function command(wanted: Command | RecordCommand, to = ""): void {
  if (!send({ type: "call.command", command: wanted, to, ref: wanted })) {
    desk.value = { ...desk.value, lastError: { key: "unreachable", text: "", ref: wanted } };
  }
}

export const subscribe = (): void => socket?.subscribe("queues");
export const unsubscribe = (): void => socket?.unsubscribe("queues");

export const hasRole = (...roles: string[]): boolean =>
  me.value?.user.roles.some((role) => roles.includes(role)) ?? false;
/** What is offered; the server asks itself each time. */
export const may = (...rights: Right[]): boolean => me.value?.rights?.some((right) => rights.includes(right)) ?? false;
