/**
 * What the phone in this page can be in, and what moves it: two literal tables. No DOM, no sound, no network.
 *
 * The line is whether a call could ring here; the call is the one that does. They are apart because a call outlives
 * the line: sound goes on while the WebSocket is lost.
 */

export type LineState =
  | "off" // nobody is logged in, or their phone is another
  | "insecure" // browsers give no microphone to pages that came without TLS
  | "elsewhere" // another window of this browser has the phone
  | "microphone" // the browser is asked for the microphone
  | "no_microphone"
  | "microphone_refused"
  | "microphone_busy"
  | "connecting"
  | "ready" // registered at Asterisk: it can ring
  | "lost" // the WebSocket is gone; it is tried again by itself
  | "refused" // Asterisk does not take this log-in any more
  | "taken" // the phone is where the same agent logged in last
  | "away"; // the server could not give a log-in; it is asked again by itself

export type LineEvent =
  | "start"
  | "no_tls"
  | "turn" // this window has the phone now
  | "opened"
  | "missing"
  | "denied"
  | "in_use"
  | "registered"
  | "disconnected"
  | "rejected"
  | "taken"
  | "server_away"
  | "again"
  | "stop";

export type CallState = "none" | "ringing" | "answering" | "talking" | "ending";
export type CallEvent = "incoming" | "answer" | "answered" | "hang_up" | "ended";

export type Table<State extends string, Event extends string> = Readonly<
  Record<State, Readonly<Partial<Record<Event, State>>>>
>;

export const lineTable: Table<LineState, LineEvent> = {
  off: { start: "elsewhere", no_tls: "insecure", stop: "off" },
  insecure: { stop: "off" },
  elsewhere: { turn: "microphone", stop: "off" },
  microphone: {
    opened: "connecting",
    missing: "no_microphone",
    denied: "microphone_refused",
    in_use: "microphone_busy",
    stop: "off",
  },
  no_microphone: { again: "microphone", stop: "off" },
  microphone_refused: { again: "microphone", stop: "off" },
  microphone_busy: { again: "microphone", stop: "off" },
  connecting: {
    registered: "ready",
    disconnected: "lost",
    rejected: "refused",
    taken: "taken",
    server_away: "away",
    again: "microphone",
    stop: "off",
  },
  ready: { registered: "ready", disconnected: "lost", rejected: "refused", taken: "taken", again: "microphone", stop: "off" },
  lost: { registered: "ready", disconnected: "lost", rejected: "refused", taken: "taken", again: "microphone", stop: "off" },
  refused: { again: "microphone", stop: "off" },
  taken: { again: "microphone", stop: "off" },
  away: { again: "microphone", stop: "off" },
};

export const callTable: Table<CallState, CallEvent> = {
  none: { incoming: "ringing" },
  ringing: { answer: "answering", hang_up: "ending", ended: "none" },
  answering: { answered: "talking", hang_up: "ending", ended: "none" },
  talking: { hang_up: "ending", ended: "none" },
  ending: { ended: "none" },
};

/** The caller on hold by this phone itself. */
export type Holding = "no" | "asking" | "held" | "resuming";
export type HoldEvent = "hold" | "resume" | "done" | "refused" | "silent" | "ended";

export const holdTable: Table<Holding, HoldEvent> = {
  no: { hold: "asking", ended: "no" },
  asking: { done: "held", refused: "no", silent: "held", ended: "no" },
  held: { resume: "resuming", ended: "no" },
  resuming: { done: "no", refused: "held", silent: "held", ended: "no" },
};

/** Whether the event means anything in this state. */
export function may<State extends string, Event extends string>(
  table: Table<State, Event>,
  state: State,
  event: Event,
): boolean {
  return table[state][event] !== undefined;
}

/** The state after the event. Throws, and changes nothing, when the event has no meaning there. */
export function next<State extends string, Event extends string>(
  table: Table<State, Event>,
  state: State,
  event: Event,
): State {
  const after = table[state][event];
  if (after === undefined) throw new Error(`the phone is ${state}: ${event} means nothing there`);
  return after;
}

/** Why a microphone was not given, from the name of the browser's error. */
export function microphoneProblem(name: string): "missing" | "denied" | "in_use" {
  if (name === "NotAllowedError" || name === "SecurityError") return "denied";
  if (name === "NotReadableError" || name === "AbortError") return "in_use";
  return "missing";
}
