/** The phone in this page: joins the tables to the browser's microphone, the SIP line and the bell. */
import { signal } from "@preact/signals";
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
import { makeBell } from "./ring";

export const line = signal<LineState>("off");
export const call = signal<CallState>("none");
export const muted = signal(false);

// Of all windows of one browser, the one that holds this is the phone; the next takes over when it closes.
const LOCK = "kakehashi.phone";
const AGAIN_MS = 3_000;

const bell = makeBell();
let sound: HTMLAudioElement | null = null;
let microphone: MediaStream | null = null;
let registered: Line | null = null;
let current: LineCall | null = null;
let again: ReturnType<typeof setTimeout> | undefined;
// Each start has a number of its own: what an earlier one still waited for comes to nothing.
let started = 0;
let giveUp: (() => void) | null = null;

function lineIs(event: LineEvent): void {
  line.value = next(lineTable, line.value, event);
}

function callIs(event: CallEvent): void {
  call.value = next(callTable, call.value, event);
  if (call.value === "ringing") bell.start();
  else bell.stop();
  if (call.value === "none") {
    current = null;
    setMuted(false);
    if (sound) sound.srcObject = null;
  }
}

/** Somebody logged in: if this page is their phone, it becomes one. */
export async function startPhone(): Promise<void> {
  stopPhone();
  const mine = ++started;
  try {
    if ((await api.myPhone()).phone !== "browser" || mine !== started) return;
  } catch (error) {
    // 403: no agent, and 401 has shown itself. Anything else is a server that is away.
    if (!(error instanceof Refusal && (error.status === 403 || error.status === 401))) later(mine, startPhone);
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
      void openMicrophone(mine);
      await over;
    })
    .catch(() => undefined); // given up while it waited
}

/** Nobody is logged in any more. A call that is on goes on, unless it is to end `now`, and the phone ends with it. */
export function stopPhone(now = true): void {
  if (!now && current && call.value === "talking") {
    const stop = call.subscribe((state) => {
      if (state !== "none") return;
      queueMicrotask(() => stop());
      stopPhone();
    });
    return;
  }
  started += 1;
  clearTimeout(again);
  hangLine();
  closeMicrophone();
  giveUp?.();
  giveUp = null;
  lineIs("stop");
}

function hangLine(): void {
  registered?.stop(); // ends the call that is on, and says so
  registered = null;
  if (call.value !== "none") callIs("ended");
}

function closeMicrophone(): void {
  for (const track of microphone?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
  microphone = null;
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
  closeMicrophone();
  let opened: MediaStream;
  try {
    opened = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    if (mine === started) lineIs(microphoneProblem(error instanceof DOMException ? error.name : ""));
    return;
  }
  if (mine !== started) {
    for (const track of opened.getTracks()) track.stop();
    return;
  }
  microphone = opened;
  // Unplugged: an agent whom nobody hears must not be rung. In a call, whoever is there now takes over.
  for (const track of opened.getTracks()) track.onended = () => void microphoneEnded(mine);
  lineIs("opened");
  await connect(mine);
}

async function microphoneEnded(mine: number): Promise<void> {
  if (mine !== started) return;
  const sender = current?.connection()?.getSenders()[0];
  if (!sender) {
    tryAgain();
    return;
  }
  const other = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
  if (!other || mine !== started) return; // heard again as soon as the call is over and the line is opened anew
  closeMicrophone();
  microphone = other;
  for (const track of other.getTracks()) {
    track.onended = () => void microphoneEnded(mine);
    track.enabled = !muted.value;
    await sender.replaceTrack(track);
  }
}

async function connect(mine: number): Promise<void> {
  try {
    const logIn = await api.phoneLogIn();
    const opened = await openLine(logIn, {
      registered: () => mine === started && lineIs("registered"),
      disconnected: () => mine === started && may(lineTable, line.value, "disconnected") && lineIs("disconnected"),
      rejected: () => mine === started && rejected(),
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

function rejected(): void {
  if (!may(lineTable, line.value, "rejected")) return;
  lineIs("rejected");
  // Somebody has to mend it: asking again and again would look like an attack to Asterisk.
  if (call.value === "none") hangLine();
}

function incoming(offered: LineCall): void {
  if (call.value !== "none") {
    offered.refuse();
    return;
  }
  current = offered;
  const mine = () => current === offered;
  offered.listen({
    answered: () => mine() && may(callTable, call.value, "answered") && callIs("answered"),
    ended: () => mine() && callIs("ended"),
    sound: (stream) => mine() && play(stream),
  });
  callIs("incoming");
}

function play(stream: MediaStream): void {
  if (!sound) {
    sound = document.createElement("audio");
    sound.id = "phone-sound";
    sound.autoplay = true;
    document.body.append(sound);
  }
  sound.srcObject = stream;
}

export function answer(): void {
  if (!current || !microphone || !may(callTable, call.value, "answer")) return;
  callIs("answer");
  setMuted(false);
  current.answer(microphone);
}

export function hangUp(): void {
  if (!current || !may(callTable, call.value, "hang_up")) return;
  const ending = current;
  callIs("hang_up");
  ending.hangUp();
}

export function setMuted(wanted: boolean): void {
  muted.value = wanted;
  for (const track of microphone?.getAudioTracks() ?? []) track.enabled = !wanted;
}

export function pressKey(key: string): void {
  if (call.value === "talking") current?.send(key);
}
