/** Hear a recording: caller's wave on top, agent's below, the call's journey under both, all by keyboard too. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { dateAndTime, duration, language, t, tSlug } from "../i18n";
import { refusalText } from "../pages/login";
import type { CallRecord, JourneyStep, Peaks, RecordingItem } from "../wire";
import { callerText } from "./caller";

const rates = [0.75, 1, 1.25, 1.5, 2] as const;
const STEP_S = 5;

export function Player(props: { callId: string; item: RecordingItem | null; onEnded: () => void }) {
  const { callId, item, onEnded } = props;
  const audio = useRef<HTMLAudioElement>(null);
  const [position, setPosition] = useState(0);
  const [problem, setProblem] = useState("");
  const peaks = useAnswer(() => api.peaks(callId), [callId], setProblem);
  const call = useAnswer(() => api.call(callId), [callId], setProblem);
  const length = peaks?.duration_s ?? item?.duration_s ?? 0;
  const seek = (seconds: number) => {
    if (audio.current) audio.current.currentTime = Math.min(Math.max(0, seconds), length);
  };
  const step = (by: number) => seek((audio.current?.currentTime ?? 0) + by);
  const toggle = () => (audio.current?.paused ? void audio.current.play() : audio.current?.pause());
  usePlayerKeys(toggle, step);

  return (
    <section class="panel player" aria-label={t("player.label")}>
      <div class="spread">
        <h2>{call ? `${callerText(call.caller)} – ${dateAndTime(call.arrived_at)}` : t("loading")}</h2>
        <p class="timer">
          {duration(position)} / {duration(length)}
        </p>
      </div>
      <Wave peaks={peaks} position={position} onSeek={seek} onStep={step} />
      {call && <Journey call={call} length={length} onSeek={seek} />}
      <audio
        ref={audio}
        controls
        autoplay
        preload="auto"
        src={api.audioUrl(callId)}
        onTimeUpdate={(event) => setPosition(event.currentTarget.currentTime)}
        onEnded={onEnded}
        onError={() => setProblem(t("player.cannot_play"))}
      />
      <div class="spread">
        <Speed onChoose={(rate) => audio.current && (audio.current.playbackRate = rate)} />
        <p class="note">{t("player.keys")}</p>
      </div>
      <p role="alert" class="problem">
        {problem}
      </p>
    </section>
  );
}

function useAnswer<Answer>(ask: () => Promise<Answer>, when: unknown[], onProblem: (text: string) => void) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    let current = true;
    ask().then(
      (value) => current && setAnswer(value),
      (error: unknown) => current && onProblem(refusalText(error)),
    );
    return () => {
      current = false;
    };
  }, when);
  return answer;
}

/** Space plays and stops, arrows jump, wherever the focus is except where keys mean text. */
function usePlayerKeys(toggle: () => void, step: (by: number) => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (target.closest("input, select, textarea, button, audio, [role=slider]")) return;
      if (event.key === " ") toggle();
      else if (event.key === "ArrowLeft") step(-STEP_S);
      else if (event.key === "ArrowRight") step(STEP_S);
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
}

function Speed({ onChoose }: { onChoose: (rate: number) => void }) {
  const [chosen, setChosen] = useState(1);
  return (
    <div class="choices" role="group" aria-label={t("player.speed")}>
      {rates.map((rate) => (
        <button
          key={rate}
          type="button"
          aria-pressed={rate === chosen}
          onClick={() => {
            setChosen(rate);
            onChoose(rate);
          }}
        >
          {rate}×
        </button>
      ))}
    </div>
  );
}

const ROW = 48;

function Wave(props: {
  peaks: Peaks | null;
  position: number;
  onSeek: (seconds: number) => void;
  onStep: (by: number) => void;
}) {
  const { peaks, position, onSeek, onStep } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const length = peaks?.duration_s ?? 0;

  useEffect(() => {
    if (canvas.current && peaks) draw(canvas.current, peaks, length > 0 ? position / length : 0);
  }, [peaks, position, length]);

  return (
    <div class="wave">
      <div class="wave-names" aria-hidden="true">
        <span>{t("player.caller")}</span>
        <span>{t("player.agent")}</span>
      </div>
      <canvas
        ref={canvas}
        height={ROW * 2}
        role="slider"
        tabIndex={0}
        aria-label={t("player.position")}
        aria-valuemin={0}
        aria-valuemax={Math.round(length)}
        aria-valuenow={Math.round(position)}
        aria-valuetext={`${duration(position)} / ${duration(length)}`}
        onClick={(event) => onSeek((event.offsetX / event.currentTarget.clientWidth) * length)}
        onKeyDown={(event) => {
          if (event.key === "ArrowLeft") onStep(-STEP_S);
          else if (event.key === "ArrowRight") onStep(STEP_S);
          else if (event.key === "Home") onSeek(0);
          else if (event.key === "End") onSeek(length);
          else return;
          event.preventDefault();
        }}
      />
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, peaks: Peaks, played: number): void {
  const scale = devicePixelRatio;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = ROW * 2 * scale;
  const context = canvas.getContext("2d");
  if (!context) return;
  const colours = getComputedStyle(canvas);
  const rows: [number[], string][] = [
    [peaks.left, colours.getPropertyValue("--wave-caller")],
    [peaks.right, colours.getPropertyValue("--wave-agent")],
  ];
  for (const [row, [values, colour]] of rows.entries()) {
    const middle = (row + 0.5) * ROW * scale;
    for (let x = 0; x < canvas.width; x += 1) {
      const from = Math.floor((x / canvas.width) * values.length);
      const to = Math.max(from + 1, Math.floor(((x + 1) / canvas.width) * values.length));
      let loudest = 0;
      for (let index = from; index < to; index += 1) loudest = Math.max(loudest, values[index] ?? 0);
      const height = Math.max(scale, (loudest / 100) * (ROW - 6) * scale);
      context.globalAlpha = x / canvas.width <= played ? 1 : 0.45;
      context.fillStyle = colour;
      context.fillRect(x, middle - height / 2, 1, height);
    }
  }
}

function Journey({ call, length, onSeek }: { call: CallRecord; length: number; onSeek: (seconds: number) => void }) {
  const zero = Date.parse(call.arrived_at);
  const at = (step: JourneyStep) => (Date.parse(step.at) - zero) / 1000;
  return (
    <ol class="journey" aria-label={t("player.journey")} key={language.value}>
      {call.journey.map((step, index) => (
        <li key={`${index}${step.what}`}>
          <button type="button" class="quiet" disabled={at(step) > length} onClick={() => onSeek(at(step))}>
            <time>{duration(at(step))}</time> {tSlug("journey", step.what)}{" "}
            <span class="note">{[step.agent, step.detail, step.outcome && tSlug("outcome", step.outcome)].filter(Boolean).join(" · ")}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}
