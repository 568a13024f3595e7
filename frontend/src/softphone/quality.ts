/**
 * How a call sounds: loss, jitter and round trip from the browser's own counters, graded by the E-model of ITU-T G.107
 * as the server does it (cti/domain/quality.py). Shown every five seconds; told to the server now and then and at the end.
 */
import { signal } from "@preact/signals";
import { api, Refusal } from "../api";
import type { QualityRequest } from "../wire";

export type Grade = "good" | "fair" | "poor";

/** What the browser has counted since the call began. Asterisk's own reports come each five seconds, or never. */
export interface Counted {
  readonly received: number;
  readonly lostIn: number;
  readonly jitterInMs: number;
  readonly sent: number;
  readonly lostOut: number | null;
  readonly jitterOutMs: number | null;
  readonly roundTripMs: number | null;
}

/** A mean that grows, and the largest of what it was made of. */
export interface Mean {
  readonly sum: number;
  readonly n: number;
  readonly most: number;
}

export interface Measured {
  readonly last: Counted;
  readonly jitterIn: Mean;
  readonly jitterOut: Mean;
  readonly roundTrip: Mean;
}

/** What the page shows: the last five seconds. */
export interface Heard {
  readonly grade: Grade | null; // null: nothing has come yet
  readonly loss: number; // 0 to 1, of the worse direction
  readonly jitterMs: number;
  readonly roundTripMs: number | null;
}

const NONE: Counted = {
  received: 0,
  lostIn: 0,
  jitterInMs: 0,
  sent: 0,
  lostOut: null,
  jitterOutMs: null,
  roundTripMs: null,
};
const NO_MEAN: Mean = { sum: 0, n: 0, most: 0 };
export const NOTHING: Measured = { last: NONE, jitterIn: NO_MEAN, jitterOut: NO_MEAN, roundTrip: NO_MEAN };

type Entry = Readonly<Record<string, unknown>>;

const number = (value: unknown): number | null => (typeof value === "number" && Number.isFinite(value) ? value : null);
const count = (value: unknown): number => Math.max(0, Math.round(number(value) ?? 0)); // doubles count as found again
const ms = (seconds: unknown): number | null => {
  const found = number(seconds);
  return found === null ? null : Math.max(0, found * 1000);
};

/** Reads a report of RTCPeerConnection.getStats(). */
export function counted(report: Iterable<Entry>): Counted {
  let found = NONE;
  let pairMs: number | null = null;
  for (const one of report) {
    if (one.type === "candidate-pair" && one.nominated === true) pairMs = ms(one.currentRoundTripTime) ?? pairMs;
    if (one.kind !== "audio") continue;
    if (one.type === "inbound-rtp") {
      const [received, lostIn] = [count(one.packetsReceived), count(one.packetsLost)];
      found = { ...found, received, lostIn, jitterInMs: ms(one.jitter) ?? 0 };
    } else if (one.type === "outbound-rtp") {
      found = { ...found, sent: count(one.packetsSent) };
    } else if (one.type === "remote-inbound-rtp") {
      found = {
        ...found,
        lostOut: count(one.packetsLost),
        jitterOutMs: ms(one.jitter),
        roundTripMs: ms(one.roundTripTime),
      };
    }
  }
  return { ...found, roundTripMs: found.roundTripMs ?? pairMs };
}

const grown = (mean: Mean, value: number | null): Mean =>
  value === null ? mean : { sum: mean.sum + value, n: mean.n + 1, most: Math.max(mean.most, value) };
const meanOf = ({ sum, n }: Mean): number | null => (n === 0 ? null : sum / n);

/** One more look at the counters. */
export function add(measured: Measured, now: Counted): Measured {
  return {
    last: now,
    jitterIn: now.received > 0 ? grown(measured.jitterIn, now.jitterInMs) : measured.jitterIn,
    jitterOut: grown(measured.jitterOut, now.jitterOutMs),
    roundTrip: grown(measured.roundTrip, now.roundTripMs),
  };
}

export const lostShare = (lost: number, arrived: number): number => (lost > 0 ? lost / (lost + arrived) : 0);

/** R of the E-model for one direction, 0 to 93.2; its numbers are explained in cti/domain/quality.py. */
export function rating(loss: number, jitterMs: number, roundTripMs: number): number {
  const delayMs = roundTripMs / 2 + 20 + 2 * jitterMs;
  const delayed = 0.024 * delayMs + 0.11 * Math.max(0, delayMs - 177.3);
  const percent = 100 * loss;
  return Math.max(0, 93.2 - delayed - (95 * percent) / (percent + 25.1));
}

export const gradeOf = (worst: number): Grade => (worst >= 80 ? "good" : worst >= 70 ? "fair" : "poor");

/** How it sounded between two looks. */
export function heard(before: Counted, now: Counted): Heard {
  const [received, sent] = [now.received - before.received, now.sent - before.sent];
  const lossIn = lostShare(now.lostIn - before.lostIn, received);
  const lostOut = (now.lostOut ?? 0) - (before.lostOut ?? 0);
  const lossOut = lostShare(lostOut, Math.max(0, sent - lostOut));
  const roundTripMs = now.roundTripMs ?? 0;
  const worst = Math.min(rating(lossIn, now.jitterInMs, roundTripMs), rating(lossOut, now.jitterOutMs ?? 0, roundTripMs));
  return {
    grade: received <= 0 && sent <= 0 ? null : received <= 0 ? "poor" : gradeOf(worst),
    loss: Math.max(lossIn, lossOut),
    jitterMs: Math.max(now.jitterInMs, now.jitterOutMs ?? 0),
    roundTripMs: now.roundTripMs,
  };
}

const tenth = (value: number): number => Math.round(value * 10) / 10;
const tenthOrNull = (value: number | null): number | null => (value === null ? null : tenth(value));

/** What the server is told of everything up to now. */
export function report(measured: Measured, measuredS: number): QualityRequest {
  const { last, jitterIn, jitterOut, roundTrip } = measured;
  return {
    measured_s: tenth(measuredS),
    received: last.received,
    lost_in: last.lostIn,
    jitter_in_ms: tenth(meanOf(jitterIn) ?? 0),
    jitter_in_max_ms: tenth(jitterIn.most),
    sent: last.sent,
    lost_out: last.lostOut,
    jitter_out_ms: tenthOrNull(meanOf(jitterOut)),
    round_trip_ms: tenthOrNull(meanOf(roundTrip)),
    round_trip_max_ms: roundTrip.n === 0 ? null : tenth(roundTrip.most),
  };
}

// --- In the page ---

/** How the call that is on sounds now; null: none is on, or nothing is known yet. */
export const sounds = signal<Heard | null>(null);

// As often as RTCP reports come from the other side.
const LOOK_MS = 5_000;
const FIRST_LOOK_MS = 1_000;
// A page that dies in mid-call has told all but the last half minute.
const TELL_EVERY = 6;
// The server may be away just then, or not have written the call down yet: 2 + 4 + … + 64 s, some two minutes.
const TRIES = 7;
const FIRST_PAUSE_MS = 2_000;

// As whom it is told. What was measured under one person's log-in is not told under another's; under their own next one it is.
let teller = "";
let nobodies = 0;

/** Somebody is logged in: a name that no other person has. */
export function tellAs(person: string): void {
  teller = person;
}

/** Nobody is logged in any more. */
export function stopTelling(): void {
  nobodies += 1;
  teller = `#${nobodies}`;
}

async function tell(callId: string, body: QualityRequest, under: string, tries: number, pauseMs = FIRST_PAUSE_MS): Promise<void> {
  if (under !== teller) return;
  try {
    await api.reportQuality(callId, body);
  } catch (error) {
    const final = error instanceof Refusal && ![0, 404, 503].includes(error.status);
    if (!final && tries > 1) setTimeout(() => void tell(callId, body, under, tries - 1, pauseMs * 2), pauseMs);
  }
}

/**
 * Measures a call until the returned function is called at its end. `callId`: which call of the server's it is, asked
 * again and again until it says, since it may be late; a call it never names is measured for the page alone.
 */
export function measure(connection: RTCPeerConnection, callId: () => string | null): () => void {
  const beganMs = performance.now();
  const under = teller;
  let measured = NOTHING;
  let known: string | null = null;
  let looks = 0;
  let over = false;
  let lookedMs = beganMs;
  const look = async () => {
    const now = counted((await connection.getStats()).values() as Iterable<Entry>);
    // A connection that is closed has forgotten everything.
    if (now.received + now.sent < measured.last.received + measured.last.sent) return;
    if (!over) sounds.value = heard(measured.last, now);
    measured = add(measured, now);
    lookedMs = performance.now();
  };
  const send = (tries: number) => {
    if (known && measured !== NOTHING) void tell(known, report(measured, (lookedMs - beganMs) / 1000), under, tries);
  };
  const timer = setInterval(() => {
    known ??= callId();
    looks += 1;
    void look()
      .then(() => !over && looks % TELL_EVERY === 0 && send(1))
      .catch(() => undefined);
  }, LOOK_MS);
  // The first soon: people look at what is new, and a short call shall have its figures too.
  const first = setTimeout(() => void look().catch(() => undefined), FIRST_LOOK_MS);
  known = callId();
  return () => {
    if (over) return;
    over = true;
    clearInterval(timer);
    clearTimeout(first);
    known ??= callId();
    sounds.value = null;
    void look()
      .catch(() => undefined)
      .then(() => send(TRIES));
  };
}
