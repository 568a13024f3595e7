/** The bell: two tones, as a phone of the office. Made here, so that there is no file to load when it rings. */
import { afterPaint } from "../afterpaint";

const TONES_HZ = [425, 480] as const;
const LOUD = 0.12;
const ON_S = 1;
const EVERY_MS = 3_000;

// To know that the line is open: an agent whose page answered by itself speaks at once.
const OPEN_S = 0.18;

export interface Bell {
  start(): void;
  stop(): void;
  once(): void; // to try it out, and before a call that the page answers by itself
}

/** `place`: sends its sound to the device that it shall ring on. */
export function makeBell(place: (sink: AudioContext) => void): Bell {
  let context: AudioContext | null = null;
  let timer: ReturnType<typeof setInterval> | undefined;
  let still: () => void = () => undefined;
  const open = () => {
    // Before anybody has touched the page a browser may keep it silent; the page shows the call all the same.
    const made = new AudioContext();
    place(made);
    void made.resume().catch(() => undefined);
    return made;
  };
  const once = (context: AudioContext, lastsS = ON_S) => {
    const loudness = context.createGain();
    const now = context.currentTime;
    loudness.gain.setValueAtTime(LOUD, now);
    loudness.gain.setTargetAtTime(0, now + lastsS - 0.05, 0.02); // no click at the end
    loudness.connect(context.destination);
    for (const hz of TONES_HZ) {
      const tone = context.createOscillator();
      tone.frequency.value = hz;
      tone.connect(loudness);
      tone.start(now);
      tone.stop(now + lastsS);
    }
  };
  return {
    start() {
      still();
      still = afterPaint(() => {
        const ringing = (context ??= open());
        once(ringing);
        clearInterval(timer);
        timer = setInterval(() => once(ringing), EVERY_MS);
      });
    },
    stop() {
      still();
      clearInterval(timer);
      void context?.close().catch(() => undefined);
      context = null;
    },
    once() {
      const short = open();
      once(short, OPEN_S);
      setTimeout(() => void short.close().catch(() => undefined), 1_000);
    },
  };
}
