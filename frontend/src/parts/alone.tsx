/** The controls of a call while our server is away: what Asterisk does for this phone by itself. */
import { computed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { saved } from "../dial";
import { named, t, tSlug } from "../i18n";
import { unspoken } from "../lastknown";
import { connection, desk, me } from "../session";
import { passing } from "../softphone/passing";
import { holding } from "../softphone/holding";
import { call, hold, line, passOn } from "../softphone/softphone";
import "../takeover";
import type { AgentLive, Board, LineBody } from "../wire";
import type { Whom } from "../whom";
import { Finder } from "./finder";

/** The page is the phone, a call is on, and nobody can be asked to do anything with it; or this phone holds the caller still. */
export const alone = computed(() => call.value === "talking" && (connection.value === "lost" || holding.value !== "no"));

/** This phone's call has ended, and the server could not say so: what it said of it last holds no more. */
export const over = computed(
  () => connection.value === "lost" && call.value === "none" && (line.value === "ready" || line.value === "lost") && desk.value.talk !== null,
);

/** In a consultation the phone's other side is a colleague: REFER would pass that colleague on, not the caller. */
export const mayPass = (talk: LineBody | null): boolean =>
  talk === null || (talk.role === "first" && (talk.phase === "talking" || talk.phase === "held"));

/** What Asterisk's dialplan calls them (extensions-agent.conf, extensions-agent-queue.conf). */
export const extensionOf = (tenant: string, one: Whom): string => (one.kind === "queue" ? `queue-${one.id}` : `${tenant}-${one.id}`);

export function AloneControls() {
  const [choosing, setChoosing] = useState(false);
  const [query, setQuery] = useState("");
  const opener = useRef<HTMLButtonElement>(null);
  const talk = unspoken.value ? null : desk.value.talk;
  const can = mayPass(talk);
  const held = holding.value === "held" || holding.value === "resuming";
  const waits = holding.value === "asking" || holding.value === "resuming";
  const away = connection.value === "lost";
  const busy = line.value !== "ready" || passing.value?.state === "asked" || waits;
  useEffect(() => {
    if (!can || !away || busy) setChoosing(false);
  }, [can, away, busy]);
  const close = () => {
    setChoosing(false);
    setQuery("");
    opener.current?.focus();
  };
  const pick = (one: Whom) => {
    const tenant = me.value?.tenant;
    if (tenant === undefined) return;
    passOn(extensionOf(tenant, one), one.name);
    close();
  };
  return (
    <section class="talk" aria-label={t("talk.title")}>
      <p class="talk-phase" role="status">
        {t(held ? "alone.holds" : talk?.phase === "held" && can ? "alone.held" : "alone.talking")}
      </p>
      <div class="choices" role="group" aria-label={t("talk.title")}>
        {(can || held) && (
          <button
            key="hold"
            type="button"
            class={held ? "primary" : ""}
            aria-disabled={busy ? "true" : undefined}
            onClick={() => busy || hold(!held, talk?.phase === "held")}
          >
            {t(held ? "talk.resume" : "talk.hold")}
          </button>
        )}
        {can && away && (
          <button
            key="pass"
            ref={opener}
            type="button"
            aria-expanded={choosing}
            aria-disabled={busy ? "true" : undefined}
            onClick={() => busy || (choosing ? close() : setChoosing(true))}
          >
            {t("talk.transfer")}
          </button>
        )}
      </div>
      {choosing && (
        <Finder
          title={t("alone.whom")}
          everybody={lastKnown(desk.value.board, desk.value.agent?.agent)}
          query={query}
          setQuery={setQuery}
          loading={false}
          nobody={t("alone.nobody")}
          pick={pick}
          close={close}
        />
      )}
      <p class="note">{t(!away ? "alone.back" : !can ? "alone.asked" : line.value === "ready" ? "alone.note" : "alone.no_line")}</p>
    </section>
  );
}

/**
 * Colleagues and queues as the server said last, which may be minutes ago: nobody is barred for what they were then. Who was not at
 * work stands behind the others; whom Asterisk cannot ring, or nobody answers for, costs the caller some words and the way back to the queue.
 */
function lastKnown(board: Board | null, self: string | undefined): Whom[] {
  const readings = saved.value?.readings ?? {};
  const absent = (one: AgentLive) => one.state === "offline" || one.phone === "unreachable";
  const agents = (board?.agents ?? []).filter((one) => one.agent !== self).sort((a, b) => Number(absent(a)) - Number(absent(b)));
  const queues = board?.queues ?? [];
  return [
    ...agents.map((one): Whom => ({
      kind: "agent",
      id: one.agent,
      name: one.name,
      reading: readings[one.agent] ?? "",
      note: [t("alone.was", { state: stateThen(one) }), ...one.skills.map(named)].join(" · "),
      why: "",
    })),
    ...queues.map(({ queue }): Whom => ({
      kind: "queue",
      id: queue.id,
      name: named(queue),
      reading: `${queue.name_ja} ${queue.name_en}`,
      note: "",
      why: "",
    })),
  ];
}

function stateThen(one: AgentLive): string {
  if (one.call) return t("whom.talks");
  return one.phone === "unreachable" && one.state !== "offline" ? t("whom.phone") : tSlug("state", one.state);
}
