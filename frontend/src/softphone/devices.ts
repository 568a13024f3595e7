/**
 * Which microphone, headset and bell a person chose, on this machine. A device that is not there is replaced by the
 * browser's own choice and comes back when it is plugged in again: a choice is never forgotten because a plug was.
 */
import { signal } from "@preact/signals";

export type Use = "microphone" | "headset" | "bell";

/** A device, or with an empty id whatever the browser takes. The label finds it again when browsers change their ids. */
export interface Device {
  readonly id: string;
  readonly label: string;
}

export const ANY: Device = { id: "", label: "" };
const STORED = "kakehashi.devices";
// Chromium lists its two pointers to real devices beside those.
const POINTERS = ["default", "communications"];

export const chosen = signal<Readonly<Record<Use, Device>>>(stored());
/** What is plugged in, as far as the browser tells: nothing before the microphone was allowed. */
export const inputs = signal<readonly Device[]>([]);
export const outputs = signal<readonly Device[]>([]);

function stored(): Record<Use, Device> {
  const read = (one: unknown): Device => {
    const { id, label } = (one ?? {}) as Partial<Device>;
    return typeof id === "string" && typeof label === "string" ? { id, label } : ANY;
  };
  try {
    const found = JSON.parse(localStorage.getItem(STORED) ?? "{}") as Partial<Record<Use, unknown>> | null;
    return { microphone: read(found?.microphone), headset: read(found?.headset), bell: read(found?.bell) };
  } catch {
    return { microphone: ANY, headset: ANY, bell: ANY };
  }
}

export function choose(use: Use, device: Device): void {
  chosen.value = { ...chosen.value, [use]: device };
  try {
    localStorage.setItem(STORED, JSON.stringify(chosen.value));
  } catch {
    // A full or forbidden store: the choice holds until the page closes.
  }
}

/** Real devices of a kind, as a person tells them apart: without pointers, and without those nobody may know yet. */
export function listed(found: readonly MediaDeviceInfo[], kind: MediaDeviceKind): Device[] {
  return found
    .filter((one) => one.kind === kind && one.deviceId !== "" && !POINTERS.includes(one.deviceId))
    .map((one) => ({ id: one.deviceId, label: one.label }));
}

/** The chosen device among those that are there: by its id, else the only one of that name; null: it is not there. */
export function find(device: Device, there: readonly Device[]): Device | null {
  if (device.id === "") return null;
  const same = there.filter((one) => one.label === device.label && device.label !== "");
  return there.find((one) => one.id === device.id) ?? (same.length === 1 ? (same[0] ?? null) : null);
}

/** The chosen device where it is not plugged in, for the page to say so; null: all is well, or nothing was chosen. */
export function absent(use: Use): Device | null {
  const device = chosen.value[use];
  const there = use === "microphone" ? inputs.value : outputs.value;
  return device.id === "" || there.length === 0 || find(device, there) ? null : device;
}

export async function look(): Promise<void> {
  const found = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  inputs.value = listed(found, "audioinput");
  outputs.value = listed(found, "audiooutput");
}

/** Plugged in or out, after the lists have been read anew. Returns what ends it. */
export function whenChanged(listener: () => void): () => void {
  const changed = () => void look().then(listener);
  const media = navigator.mediaDevices as MediaDevices | undefined; // pages without TLS have none
  media?.addEventListener("devicechange", changed);
  return () => media?.removeEventListener("devicechange", changed);
}

/** The chosen microphone, or any when that one is not there. Rejects as getUserMedia does. */
export async function openMicrophone(): Promise<MediaStream> {
  const { media, wanted } = { media: navigator.mediaDevices, wanted: chosen.value.microphone };
  if (wanted.id !== "" && inputs.value.length === 0) await look();
  const id = find(wanted, inputs.value)?.id;
  const opened = await media
    .getUserMedia({ audio: id === undefined ? true : { deviceId: { exact: id } } })
    .catch((error: unknown) => {
      // It went between the look and the question. Other errors are the person's to mend: another device hides them.
      const gone = error instanceof DOMException && ["NotFoundError", "OverconstrainedError"].includes(error.name);
      if (id === undefined || !gone) throw error;
      return media.getUserMedia({ audio: true });
    });
  void look(); // names are told once the microphone was allowed
  return opened;
}

/** What sound can be sent to: an audio element, an AudioContext. */
interface Sink {
  setSinkId?(id: string): Promise<void>;
}

export const canChooseOutput = (): boolean => "setSinkId" in HTMLMediaElement.prototype;

/** Sends sound to the device chosen for this use, or to the browser's own choice while that one is not there. */
export function playOn(sink: object, use: "headset" | "bell"): void {
  const id = find(chosen.value[use], outputs.value)?.id ?? "";
  void (sink as Sink).setSinkId?.(id).catch(() => undefined); // it went meanwhile: "devicechange" comes next
}
