/** My day: how long I was in each state. Below the calls, so that nothing moves when it comes. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import { sums } from "../daystates";
import { duration, named, t, timeZone, tSlug } from "../i18n";
import { clock } from "../now";
import { connection, desk } from "../session";
import { startOfDay } from "../times";
import type { StateLine } from "../wire";

// The server writes a state down within a fifth of a second; the one of now is known without it.
const READ_MS = 700;

export function DayStates() {
  const { agent } = desk.value;
  const [told, setTold] = useState<readonly StateLine[] | null>(null);
  const there = connection.value === "open";
  const since = agent?.since ?? "";
  useEffect(() => {
    if (!there || since === "") return undefined;
    let mine = true;
    const timer = setTimeout(() => {
      api.myStates().then(
        (answer) => mine && setTold(answer.states),
        () => undefined, // what was known holds
      );
    }, READ_MS);
    return () => {
      mine = false;
      clearTimeout(timer);
    };
  }, [there, since]);
  if (!agent || told === null) return null;
  return (
    <div class="panel day-states">
      <h2>{t("day.states")}</h2>
      <Sums told={told} now={agent} />
    </div>
  );
}

/** Counts: only this is drawn twice a second. */
function Sums({ told, now }: { told: readonly StateLine[]; now: StateLine }) {
  const nowMs = clock();
  return (
    <dl>
      {sums(told, now, nowMs, midnight(nowMs))
        .filter((one) => one.seconds >= 1)
        .map((one) => (
          <div key={one.state + one.reason}>
            <dt>
              {tSlug("state", one.state)}
              {one.reason && <small> {breakName(one.reason)}</small>}
            </dt>
            <dd class="num">{duration(one.seconds)}</dd>
          </div>
        ))}
    </dl>
  );
}

function breakName(reason: string): string {
  const own = desk.value.breakReasons.find((one) => one.id === reason);
  return own ? named(own) : tSlug("reason", reason);
}

// A zone's calendar is slow to ask, and the day changes at a full minute.
let known = { minute: NaN, zone: "", midnightMs: 0 };

function midnight(nowMs: number): number {
  const [zone, minute] = [timeZone.value, Math.floor(nowMs / 60_000)];
  if (known.minute !== minute || known.zone !== zone) {
    const day = new Intl.DateTimeFormat("en-CA", { timeZone: zone }).format(nowMs);
    known = { minute, zone, midnightMs: Date.parse(startOfDay(day, zone) ?? "") || 0 };
  }
  return known.midnightMs;
}
