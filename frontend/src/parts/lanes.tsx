/** The call's way under its wave, on the same seconds: menu, queue, agents, hold, pause, and where it was passed on. */
import { duration, t, tSlug } from "../i18n";
import { type Lane, type View } from "../lanes";
import { agentName } from "./names";

interface LanesProps {
  lanes: readonly Lane[];
  label?: string; // what the picture shows, where it is not the call's way
  transfers: readonly number[];
  view: View;
  position: number;
  onSeek: (seconds: number) => void;
}

/** A picture: the journey beside it says the same in words, for the keyboard and for screen readers. */
export function Lanes({ lanes, label, transfers, view, position, onSeek }: LanesProps) {
  if (lanes.length === 0) return null;
  const shown = view.to - view.from || 1;
  const place = (second: number): number => ((second - view.from) / shown) * 100;
  const inView = (second: number): boolean => second >= view.from && second <= view.to;
  return (
    <div class="lanes" role="img" aria-label={label ?? t("player.lanes")}>
      {lanes.map((lane) => (
        <div key={`${lane.kind}${lane.agent ?? ""}`} class="lane">
          <span class="lane-name" title={name(lane)}>
            <bdi class="ellipsis">{name(lane)}</bdi>
          </span>
          <div
            class="lane-track"
            onClick={(event) => {
              const box = event.currentTarget.getBoundingClientRect();
              onSeek(view.from + ((event.clientX - box.left) / box.width) * shown);
            }}
          >
            {lane.spans.map((span) => {
              const from = Math.max(0, place(span.from));
              const to = Math.min(100, place(span.to));
              if (to <= 0 || from >= 100) return null;
              return (
                <span
                  key={span.from}
                  class={`lane-span lane-${lane.kind}`}
                  style={{ insetInlineStart: `${from}%`, width: `max(3px, ${to - from}%)` }}
                />
              );
            })}
            {lane.before > 0 && view.from === 0 && (
              <span class="lane-before" title={t("player.before_by", { time: duration(lane.before) })}>
                ◂ {duration(lane.before)}
              </span>
            )}
            {transfers.filter(inView).map((second) => (
              <span key={second} class="lane-mark" style={{ insetInlineStart: `${place(second)}%` }} />
            ))}
            {inView(position) && <span class="lane-now" style={{ insetInlineStart: `${place(position)}%` }} />}
          </div>
        </div>
      ))}
    </div>
  );
}

const name = (lane: Lane): string => lane.label ?? (lane.agent ? agentName(lane.agent) : tSlug("lane", lane.kind));
