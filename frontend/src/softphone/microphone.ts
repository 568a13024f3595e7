/** The microphone of this page: opened once, changed in mid-call, and what is said of it while it is not as wished. */
import { signal } from "@preact/signals";
import { chosen, find, inputs, openMicrophone } from "./devices";
import { listen } from "./meter";

export const microphone = signal<MediaStream | null>(null);
/** The microphone was unplugged and there is no other: nobody is heard until one is plugged in. */
export const unheard = signal(false);

let ended: () => void = () => undefined;
let muted = false;

/** What the microphone is called, as the system has it; empty: none is open. */
export const nameOf = (stream: MediaStream | null): string => stream?.getAudioTracks()[0]?.label ?? "";

function use(opened: MediaStream): void {
  close();
  microphone.value = opened;
  unheard.value = false;
  for (const track of opened.getTracks()) {
    track.enabled = !muted;
    track.onended = () => ended();
  }
  listen(opened);
}

/** Opens it; `whenEnded` is told when it is unplugged. Rejects as getUserMedia does, then nothing is open. */
export async function open(whenEnded: () => void, still: () => boolean): Promise<MediaStream | null> {
  close();
  const opened = await openMicrophone();
  if (!still()) {
    for (const track of opened.getTracks()) track.stop();
    return null;
  }
  ended = whenEnded;
  use(opened);
  return opened;
}

export function close(): void {
  for (const track of microphone.value?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
  microphone.value = null;
  unheard.value = false;
  listen(null);
}

export function mute(wanted: boolean): void {
  muted = wanted;
  for (const track of microphone.value?.getAudioTracks() ?? []) track.enabled = !wanted;
}

/** Whether somebody would be heard who speaks now. */
export const hears = (): boolean =>
  !unheard.value && (microphone.value?.getAudioTracks().some((track) => track.readyState === "live") ?? false);

/**
 * Another microphone, for the call that is on too: the chosen one, else any. Without any, nobody is heard. `sender` is
 * asked for once the browser has opened it: a call may have been answered meanwhile.
 */
export async function swap(sender: () => RTCRtpSender | undefined, still: () => boolean): Promise<void> {
  const opened = await openMicrophone().catch(() => null);
  if (!still()) {
    for (const track of opened?.getTracks() ?? []) track.stop();
    return;
  }
  if (!opened) {
    unheard.value = !microphone.value?.getAudioTracks().some((track) => track.readyState === "live");
    return;
  }
  use(opened);
  await sendBy(sender());
}

/** What is sent is the microphone that is open now. */
export async function sendBy(sender: RTCRtpSender | undefined): Promise<void> {
  const track = microphone.value?.getAudioTracks()[0] ?? null;
  if (sender && sender.track !== track) await sender.replaceTrack(track);
}

/** Whether the microphone that is open is not the one it should be: another was chosen, or the chosen one came back. */
export function isOther(): boolean {
  const open = microphone.value?.getAudioTracks()[0];
  if (!open) return false;
  if (open.readyState === "ended") return inputs.value.length > 0;
  const wished = find(chosen.value.microphone, inputs.value);
  return wished !== null && open.getSettings().deviceId !== wished.id;
}
