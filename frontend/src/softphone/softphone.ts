/** The phone in this page: joins the tables to the browser's microphone, the SIP line and the bell. */
import { signal } from "@preact/signals";
import { afterPaint } from "../afterpaint";
import { api, Refusal } from "../api";
import { type Line, type LineCall, openLine } from "./line";
import {
  type CallEvent,
  type CallState,
  callTable,
  type LineEvent,
  type LineState,
  lineTable,
  may,
  microphoneProblem,
  next,
} from "./machine";
import { answerByPolicy, offered as offeredCall, policy } from "./autoanswer";
import { playOn, whenChanged } from "./devices";
import { isPhone } from "./expected";
import * as own from "./microphone";
import { cutOff, sayCutOff } from "./gone";
import * as holding from "./holding";
import * as passing from "./passing";
import { measure } from "./quality";
import { keepNote, noteTalk, talkedHere } from "./back";
import { makeBell } from "./ring";
import { renew, RENEW_MS } from "./ice";
import type { MyPhone } from "../wire";

export const line = signal<LineState>("off");
export const call = signal<CallState>("none");
export const muted = signal(false);

// Of all windows of one browser, the one that holds this is the phone; the next takes over when it closes.
const LOCK = "kakehashi.phone";
const AGAIN_MS = 3_000;
// What began to ring since this page registered has come by then; the server looks for what has rung for 500 ms.
const HERE_MS = 600;

const bell = makeBell((sink) => playOn(sink, "bell"));
let sound: HTMLAudioElement | null = null;
let registered: Line | null = null;
let current: LineCall | null = null;
let again: ReturnType<typeof setTimeout> | undefined;
let renewing: ReturnType<typeof setInterval> | undefined;
// Each start has a number of its own: what an earlier one still waited for comes to nothing.
let started = 0;
let giveUp: (() => void) | null = null;
// What goes on while it rings, and while people talk: each is ended by the next state.
let unring: () => void = () => undefined;
let unmeasure: () => void = () => undefined;
// What this phone does once the call that is on is over: its log-in ended in mid-call, or began anew.
let afterwards: (() => void) | null = null;

/** The desk may change its mind, and log-ins of TURN lapse. */
function told(about: MyPhone): void {
  isPhone(about.phone === "browser");
  policy.value = about.auto_answer;
  renew(about.ice);
}

function lineIs(event: LineEvent): void {
  line.value = next(lineTable, line.value, event);
}

/** `lost`: nobody hung up. The call may come back, and is then still this page's. */
function callIs(event: CallEvent, lost = false): void {
  call.value = next(callTable, call.value, event);
  if (call.value === "ringing") bell.start();
  else {
    bell.stop();
    unring();
  }
  if (!lost) noteTalk(call.value === "talking");
  if (call.value === "talking") measureCall();
  else unmeasure();
  if (call.value === "none") {
    current = null;
    passing.ended();
    holding.ended();
    setMuted(false);
    const then = afterwards ?? (own.unheard.value ? tryAgain : null); // unheard: no more calls until there is a microphone again
    afterwards = null;
    // Whoever came back in the same moment comes first.
    if (then) queueMicrotask(() => (call.value === "none" ? then() : (afterwards ??= then)));
    if (sound) sound.srcObject = null;
  }
}

function measureCall(): void {
  const connection = current?.connection();
  if (connection) unmeasure = measure(connection, () => offeredCall.value?.callId ?? null);
}

/** Whether a call is on that somebody would miss: what only rings goes to the next agent. */
const answeredCall = (): boolean => current !== null && (call.value === "answering" || call.value === "talking");

/**
 * Somebody logged in: if this page is their phone, it becomes one. `same`: whoever it was before, whose log-in had ended;
 * a call of theirs goes on, and the phone begins anew after it.
 */
export async function startPhone(same = false): Promise<void> {
  if (same && answeredCall()) {
    afterwards = () => void startPhone();
    return;
  }
  stopPhone();
  const mine = ++started;
  try {
    const about = await api.myPhone();
    told(about);
    if (about.phone !== "browser" || mine !== started) return;
  } catch (error) {
    // 403: no agent, and 401 has shown itself. Anything else is a server that is away.
    if (!(error instanceof Refusal && (error.status === 403 || error.status === 401))) later(mine, () => startPhone());
    return;
  }
  if (!navigator.locks || !navigator.mediaDevices) {
    lineIs("no_tls");
    return;
  }
  lineIs("start");
  const waiting = new AbortController();
  const over = new Promise<void>((resolve) => {
    giveUp = () => {
      waiting.abort();
      resolve();
    };
  });
  navigator.locks
    .request(LOCK, { signal: waiting.signal }, async () => {
      if (mine !== started) return;
      lineIs("turn");
      clearInterval(renewing);
      renewing = setInterval(() => void api.myPhone().then(told, () => undefined), RENEW_MS);
      void openMicrophone(mine);
      await over;
    })
    .catch(() => undefined); // given up while it waited
}

/** Nobody is logged in any more. A call that is on goes on, unless it is to end `now`, and the phone ends with it. */
export function stopPhone(now = true): void {
  if (!now && answeredCall()) {
    afterwards = () => stopPhone();
    return;
  }
  afterwards = null;
  started += 1;
  clearTimeout(again);
  clearInterval(renewing);
  hangLine();
  own.close();
  giveUp?.();
  giveUp = null;
  lineIs("stop");
}

function hangLine(): void {
  registered?.stop(); // ends the call that is on, and says so
  registered = null;
  hungUp();
}

/** JsSIP says so by itself, at once, of a call that it still had. */
function hungUp(): void {
  if (call.value !== "none") callIs("ended");
}

function later(mine: number, then: () => Promise<void>): void {
  clearTimeout(again);
  again = setTimeout(() => mine === started && void then(), AGAIN_MS);
}

/** The person has mended what the page asked for. */
export function tryAgain(): void {
  if (!may(lineTable, line.value, "again")) return;
  clearTimeout(again);
  hangLine();
  lineIs("again");
  void openMicrophone(started);
}

async function openMicrophone(mine: number): Promise<void> {
  try {
    if (!(await own.open(() => void microphoneEnded(mine), () => mine === started))) return;
  } catch (error) {
    if (mine === started) lineIs(microphoneProblem(error instanceof DOMException ? error.name : ""));
    return;
  }
  lineIs("opened");
  await connect(mine);
}

const sender = (): RTCRtpSender | undefined => current?.connection()?.getSenders()[0];

/** Unplugged: an agent whom nobody hears must not be rung. In a call, whatever is there now takes over. */
async function microphoneEnded(mine: number): Promise<void> {
  const still = () => mine === started;
  if (!still()) return;
  await own.swap(sender, still);
  if (still() && own.unheard.value && call.value === "none") tryAgain();
}

/** Something was plugged in or out, or another device was chosen: everything goes where it is wished, if it can. */
export function devicesChanged(): void {
  if (sound) playOn(sound, "headset");
  if (line.value === "no_microphone") tryAgain();
  else if (own.isOther()) void microphoneEnded(started);
}

whenChanged(devicesChanged);

/** Lets a person hear where it rings, or where callers will be heard. */
export function tryBell(use: "headset" | "bell"): void {
  makeBell((sink) => playOn(sink, use)).once();
}

async function connect(mine: number): Promise<void> {
  try {
    const logIn = await api.phoneLogIn();
    const opened = await openLine(logIn, {
      registered: () => mine === started && isRegistered(),
      disconnected: () => mine === started && may(lineTable, line.value, "disconnected") && lineIs("disconnected"),
      rejected: () => void rejected(mine),
      incoming: (offered) => (mine === started ? incoming(offered) : offered.refuse()),
    });
    if (mine === started) registered = opened;
    else opened.stop();
  } catch {
    if (mine !== started || !may(lineTable, line.value, "server_away")) return;
    lineIs("server_away");
    later(mine, async () => tryAgain());
  }
}

function isRegistered(): void {
  const anew = line.value !== "ready";
  lineIs("registered");
  if (call.value !== "none") return;
  if (anew) setTimeout(isHere, HERE_MS, started);
  // Loaded anew in mid-call. With the server away, or in a consultation, Asterisk notices by itself after 5 s.
  if (talkedHere()) api.bringBack().catch(() => undefined);
}

/** What rang before rings on, where nobody can answer it any more. With the server away it rings to its end. */
function isHere(mine: number): void {
  if (mine === started && line.value === "ready" && call.value === "none") api.phoneIsHere().catch(() => undefined);
}

/** Asterisk does not take this log-in's secret: another log-in of the same agent has the phone, or something is wrong. */
async function rejected(mine: number): Promise<void> {
  const still = () => mine === started && may(lineTable, line.value, "rejected");
  if (!still()) return;
  const taken = await api.myPhone().then((about) => about.taken, () => false);
  if (!still()) return;
  lineIs(taken ? "taken" : "rejected");
  // A person has to say so: two pages that take it from each other would never end, nor be an attack less to Asterisk.
  if (call.value === "none") hangLine();
}

function incoming(offered: LineCall): void {
  const wasHere = offered.comesBack && talkedHere();
  if (call.value !== "none" && (offered.comesBack || current?.gone())) {
    // The network changed: Asterisk hears nothing of the call that is on here any more. Whoever rings may be its caller.
    current?.giveUp();
    hungUp();
  }
  if (call.value !== "none") {
    offered.refuse();
    return;
  }
  passing.forget();
  // Sound broke off a moment ago, and may do so again: a person answers, who notices.
  const broke = cutOff.value;
  sayCutOff(false);
  current = offered;
  const mine = () => current === offered;
  offered.listen({
    answered: () => mine() && may(callTable, call.value, "answered") && answered(),
    ended: () => mine() && callIs("ended"),
    lost: () => mine() && lostCall(),
    sound: (stream) => mine() && play(stream),
  });
  callIs("incoming");
  if (wasHere) answerByItself();
  if (offered.comesBack) return; // to another machine: nobody may sit there
  unring = answerByPolicy(() => {
    answerByItself();
    if (own.hears()) bell.once();
  }, () => !broke && own.hears(), offered.queue);
  // The desk may have changed its mind since the log-in. The server may be away: what was known holds.
  afterPaint(() => void api.myPhone().then(told, () => undefined));
}

function lostCall(): void {
  if (call.value === "talking") keepNote();
  sayCutOff(call.value === "talking" && line.value === "ready");
  callIs("ended", call.value === "talking");
}

function answered(): void {
  callIs("answered");
  // Plugged in or out between the answer and now: the call began with the microphone of before.
  own.sendBy(sender()).catch(() => undefined);
}

function play(stream: MediaStream): void {
  if (!sound) {
    sound = document.createElement("audio");
    sound.id = "phone-sound";
    sound.autoplay = true;
    document.body.append(sound);
  }
  playOn(sound, "headset");
  sound.srcObject = stream;
}

export function answer(): void {
  const microphone = own.microphone.value;
  if (!current || !microphone || !may(callTable, call.value, "answer")) return;
  callIs("answer");
  setMuted(false);
  current.answer(microphone);
}

/** Without a person's hand: only where the caller would hear somebody. A call that keeps ringing goes to another agent. */
export function answerByItself(): void {
  if (own.hears()) answer();
}

export function hangUp(): void {
  if (!current || !may(callTable, call.value, "hang_up")) return;
  const ending = current;
  callIs("hang_up");
  ending.hangUp();
}

/** Without our server: Asterisk passes the caller on, as for any phone. `to`: for a person to read. */
export function passOn(extension: string, to: string): void {
  const mine = current;
  if (!mine || call.value !== "talking" || line.value !== "ready") return;
  passing.pass(to, (told) => mine.refer(extension, told), () => mine === current && hangUp());
}

// Nothing that comes from the caller for this long, where music may be playing to them already.
const AWAY_MS = 1_000;

/**
 * Without our server: Asterisk plays music to the caller until this phone takes them back. `wasHeld`: the server had them on hold, and
 * the dialplan may not have brought them back yet.
 */
export function hold(wanted: boolean, wasHeld = false): void {
  const mine = current;
  if (!mine || call.value !== "talking" || line.value !== "ready") return;
  if (wanted && wasHeld && mine.silentMs() > AWAY_MS) {
    holding.notHere();
    return;
  }
  holding.ask(wanted, (told) => {
    mine.hold(wanted, (outcome) => {
      if (mine !== current) return;
      told(outcome);
      beHeard();
    });
    beHeard(); // JsSIP has opened or closed the microphone by itself
  });
}

/** By the caller and in the recording: not while they are on hold, nor muted. */
function beHeard(): void {
  own.mute(muted.value || holding.holding.value !== "no");
}

export function setMuted(wanted: boolean): void {
  muted.value = wanted;
  beHeard();
}

/** Whether it was sent. */
export function pressKey(key: string): boolean {
  return call.value === "talking" && current !== null && current.send(key);
}
