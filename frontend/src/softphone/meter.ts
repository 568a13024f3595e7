/** How loud the microphone is, ten times a second; and whether it is so still that it must be switched off. */
import { signal } from "@preact/signals";

/** 0 (silence) to 1 (as loud as it gets), on the scale ears have. */
export const level = signal(0);
/** Nothing at all has come for a while: the switch of a headset, or the system's. A quiet room is never this quiet. */
export const still = signal(false);

const EVERY_MS = 100;
// Below is the hiss of any microphone, above it is too loud.
const QUIETEST_DB = -60;
// Converters of headsets hiss above -80 dB; what is switched off gives zeros.
const NOTHING_DB = -90;
const STILL_AFTER_MS = 5_000;

/** Decibels below full scale of what an analyser heard; -Infinity: nothing. */
export function decibels(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return 10 * Math.log10(sum / Math.max(1, samples.length));
}

/** Where a meter stands, 0 to 1. */
export const stand = (db: number): number => Math.min(1, Math.max(0, 1 - db / QUIETEST_DB));

let stop: () => void = () => undefined;

/** Listens to this microphone from now on; null: to none. */
export function listen(microphone: MediaStream | null): void {
  stop();
  if (!microphone || typeof AudioContext === "undefined") return;
  const context = new AudioContext();
  const ears = context.createAnalyser();
  ears.fftSize = 2048; // 43 ms at 48 kHz
  context.createMediaStreamSource(microphone).connect(ears);
  const samples = new Float32Array(ears.fftSize);
  let nothingMs = 0;
  const timer = setInterval(() => {
    if (context.state !== "running") {
      void context.resume().catch(() => undefined); // until somebody has touched the page
      return;
    }
    ears.getFloatTimeDomainData(samples);
    const db = decibels(samples);
    level.value = stand(db);
    // Muted on purpose gives zeros too, and is said elsewhere.
    const on = microphone.getAudioTracks().some((track) => track.enabled);
    nothingMs = on && db < NOTHING_DB ? nothingMs + EVERY_MS : 0;
    still.value = nothingMs >= STILL_AFTER_MS;
  }, EVERY_MS);
  stop = () => {
    clearInterval(timer);
    void context.close().catch(() => undefined);
    level.value = 0;
    still.value = false;
    stop = () => undefined;
  };
}
