/** The bell: two tones, as a phone of the office. Made here, so that there is no file to load when it rings. */

const TONES_HZ = [425, 480] as const;
const LOUD = 0.12;
const ON_S = 1;
const EVERY_MS = 3_000;

export interface Bell {
  start(): void;
  stop(): void;
}

export function makeBell(): Bell {
  let context: AudioContext | null = null;
  let timer: ReturnType<typeof setInterval> | undefined;
  const once = () => {
    if (!context) return;
    const loudness = context.createGain();
    const now = context.currentTime;
    loudness.gain.setValueAtTime(LOUD, now);
    loudness.gain.setTargetAtTime(0, now + ON_S - 0.05, 0.02); // no click at the end
    loudness.connect(context.destination);
    for (const hz of TONES_HZ) {
      const tone = context.createOscillator();
      tone.frequency.value = hz;
      tone.connect(loudness);
      tone.start(now);
      tone.stop(now + ON_S);
    }
  };
  return {
    start() {
      // Before anybody has touched the page a browser may keep it silent; the page shows the call all the same.
      context ??= new AudioContext();
      void context.resume().catch(() => undefined);
      once();
      clearInterval(timer);
      timer = setInterval(once, EVERY_MS);
    },
    stop() {
      clearInterval(timer);
      void context?.close().catch(() => undefined);
      context = null;
    },
  };
}
