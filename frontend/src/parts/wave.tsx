/** Both sides of a call as a picture to click into: the caller above, the agent below; as close as one wants. */
import { useEffect, useRef, useState } from "preact/hooks";
import { duration, t } from "../i18n";
import type { View } from "../lanes";
import type { Peaks } from "../wire";

const ROW = 40;

export function Wave(props: {
  peaks: Peaks | null;
  position: number;
  length: number;
  view: View; // the seconds that are shown
  remarks: readonly number[]; // seconds at which somebody wrote something
  playing: boolean;
  onSeek: (seconds: number) => void;
  onStep: (by: number) => void;
}) {
  const { peaks, position, length, view, remarks, playing, onSeek, onStep } = props;
  const said = useSaid(position, playing);
  const canvas = useRef<HTMLCanvasElement>(null);
  useRedraw(
    canvas,
    () => canvas.current && peaks && draw(canvas.current, peaks, position, view, remarks),
    [peaks, position, view.from, view.to, remarks],
  );

  const seekTo = (event: PointerEvent) => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    onSeek(view.from + ((event.clientX - box.left) / box.width) * (view.to - view.from));
  };
  return (
    <div class="wave">
      <div class="wave-names" aria-hidden="true">
        <span class="side-caller">{t("player.caller")}</span>
        <span class="side-agent">{t("player.agent")}</span>
      </div>
      <canvas
        ref={canvas}
        height={ROW * 2}
        role="slider"
        tabIndex={0}
        aria-label={t("player.position")}
        aria-valuemin={0}
        aria-valuemax={Math.round(length)}
        aria-valuenow={Math.round(said.position)}
        aria-valuetext={`${duration(said.position)} / ${duration(length)}`}
        onFocus={said.now}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          seekTo(event);
        }}
        onPointerMove={(event) => event.buttons === 1 && seekTo(event)}
        onKeyDown={(event) => {
          said.moved();
          if (event.key === "Home") onSeek(0);
          else if (event.key === "End") onSeek(length);
          else if (event.key === "PageUp") onStep(30);
          else if (event.key === "PageDown") onStep(-30);
          else if (event.key === "ArrowLeft" || event.key === "ArrowDown") onStep(-5);
          else if (event.key === "ArrowRight" || event.key === "ArrowUp") onStep(5);
          else return;
          event.preventDefault();
        }}
      />
    </div>
  );
}

/**
 * The position that a screen reader is told. While it plays, each second would be read over the voices that one listens to: it is
 * told when somebody comes here, when they moved it, and where it stopped.
 */
function useSaid(position: number, playing: boolean): { position: number; now: () => void; moved: () => void } {
  const [told, setTold] = useState(position);
  const asked = useRef(false);
  const latest = useRef(position);
  latest.current = position;
  useEffect(() => {
    if (playing && !asked.current) return;
    asked.current = false;
    setTold(position);
  }, [position, playing]);
  return {
    position: told,
    now: () => setTold(latest.current),
    moved: () => {
      asked.current = true;
    },
  };
}

/** Draws when something changed, when the canvas has another size, and when light becomes dark. */
function useRedraw(canvas: { current: HTMLCanvasElement | null }, paint: () => void, when: unknown[]): void {
  const latest = useRef(paint);
  latest.current = paint;
  useEffect(() => paint(), when);
  useEffect(() => {
    const again = () => latest.current();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const size = new ResizeObserver(again);
    if (canvas.current) size.observe(canvas.current);
    dark.addEventListener("change", again);
    return () => {
      size.disconnect();
      dark.removeEventListener("change", again);
    };
  }, []);
}

/** The loudest of the steps that fall on one column of `columns`, 0 to 100. */
export function loudest(values: readonly number[], column: number, columns: number): number {
  const from = Math.floor((column / columns) * values.length);
  const to = Math.max(from + 1, Math.floor(((column + 1) / columns) * values.length));
  let found = 0;
  for (let index = from; index < to; index += 1) found = Math.max(found, values[index] ?? 0);
  return found;
}

// Telephones are quiet: the picture is stretched to the loudest of both sides, but silence is not blown up into noise.
const MOST_STRETCH = 4;

/** How much taller to draw, the same for both sides so that they can be compared. */
export function stretch(peaks: Pick<Peaks, "left" | "right">): number {
  const top = [...peaks.left, ...peaks.right].reduce((most, value) => Math.max(most, value), 1);
  return Math.min(MOST_STRETCH, 100 / top);
}

function draw(canvas: HTMLCanvasElement, peaks: Peaks, position: number, view: View, remarks: readonly number[]): void {
  const scale = devicePixelRatio;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = ROW * 2 * scale;
  const context = canvas.getContext("2d");
  if (!context) return;
  const colours = getComputedStyle(canvas);
  const colour = (name: string) => colours.getPropertyValue(name);
  const shown = view.to - view.from || 1;
  const column = (second: number) => ((second - view.from) / shown) * canvas.width;
  // Steps of the peaks that are in view: a closer look is the same drawing of fewer steps.
  const first = Math.floor((view.from * 1000) / peaks.step_ms);
  const last = Math.ceil((view.to * 1000) / peaks.step_ms);
  const rows: [number[], string][] = [
    [peaks.left.slice(first, last), colour("--wave-caller")],
    [peaks.right.slice(first, last), colour("--wave-agent")],
  ];
  const taller = stretch(peaks);
  const played = column(position);
  for (const [row, [values, side]] of rows.entries()) {
    const middle = (row + 0.5) * ROW * scale;
    context.fillStyle = side;
    for (let x = 0; x < canvas.width; x += 1) {
      const height = Math.max(scale, ((taller * loudest(values, x, canvas.width)) / 100) * (ROW - 4) * scale);
      context.globalAlpha = x <= played ? 1 : 0.4;
      context.fillRect(x, middle - height / 2, 1, height);
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = colour("--accent");
  for (const second of remarks) {
    const x = column(second);
    if (x >= 0 && x <= canvas.width) context.fillRect(x - 2 * scale, 0, 4 * scale, 6 * scale);
  }
  context.fillStyle = colour("--text");
  if (played >= 0 && played <= canvas.width)
    context.fillRect(Math.min(canvas.width - 2 * scale, played), 0, 2 * scale, canvas.height);
  canvas.dataset.drawn = "true";
}
