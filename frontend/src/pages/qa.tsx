import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useParams } from "wouter-preact";
import { api } from "../api";
import { dateAndTime, duration, named, t, timeZone, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { callerText } from "../parts/caller";
import { agentName, names, queueName, readNames } from "../parts/names";
import { playable, Player } from "../parts/player";
import { refusalText } from "../parts/problem";
import { startOfDay } from "../times";
import type { RecordingItem } from "../wire";

const statuses = ["stored", "salvaged", "truncated", "pending", "not_recorded", "failed", "deleted"] as const;

/** Days and words as typed → the query the server reads. A day is the desk's own, wherever the browser is. */
function queryOf(data: FormData): Record<string, string> {
  const query: Record<string, string> = {};
  const text = (name: string) => String(data.get(name) ?? "").trim();
  const since = startOfDay(text("since"), timeZone.value);
  const until = startOfDay(text("until"), timeZone.value, 1);
  if (since) query.since = since;
  if (until) query.until = until;
  for (const name of ["queue", "agent", "status", "number"]) {
    if (text(name)) query[name] = text(name);
  }
  return query;
}

/** Find a call, hear it. */
export function QaPage() {
  const chosen = useParams<{ call?: string }>().call ?? null;
  const [, go] = useLocation();
  const [query, setQuery] = useState<Record<string, string>>({});
  const list = useRecordings(query);
  const items = list.items ?? [];
  const place = items.findIndex((item) => item.call_id === chosen);
  const form = useRef<HTMLFormElement>(null);
  useEffect(readNames, []);

  const open = (callId: string) => go(`/qa/${callId}`);
  const move = (by: 1 | -1) => {
    const next = items[place + by];
    if (next) open(next.call_id);
  };
  /** The next of the list that has sound, played when one is over. */
  const following = () => {
    const next = items.slice(place + 1).find((item) => playable(item.status));
    if (next) open(next.call_id);
  };
  const close = () => {
    go("/qa");
    document.getElementById(`call-${chosen}`)?.focus();
  };
  useKeys([
    { key: "/", does: "keys.search", run: () => form.current?.querySelector("input")?.focus() },
    { key: "n", does: "keys.next", run: () => move(1) },
    { key: "p", does: "keys.previous", run: () => move(-1) },
  ]);

  return (
    <div class="page">
      <h1>{t("nav.qa")}</h1>
      <Filters form={form} onChange={setQuery} />
      {list.problem && (
        <p role="alert" class="problem">
          {list.problem}
        </p>
      )}
      <List items={list.items} chosen={chosen} onOpen={open} />
      {list.more && (
        <button type="button" onClick={list.more}>
          {t("qa.more")}
        </button>
      )}
      {chosen && (
        <Player key={chosen} callId={chosen} item={items[place] ?? null} onEnded={following} onClose={close} />
      )}
    </div>
  );
}

function useRecordings(query: Record<string, string>) {
  const [items, setItems] = useState<RecordingItem[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const asked = useRef(0);

  async function load(after: string | null): Promise<void> {
    asked.current += 1;
    const mine = asked.current;
    try {
      const page = await api.recordings(after ? { ...query, after } : query);
      if (mine !== asked.current) return; // the filters changed meanwhile
      setItems((before) => (after ? [...(before ?? []), ...page.recordings] : page.recordings));
      setCursor(page.next);
      setProblem("");
    } catch (error) {
      if (mine !== asked.current) return;
      setItems((before) => before ?? []);
      setProblem(refusalText(error));
    }
  }

  useEffect(() => void load(null), [query]);
  useSettling(items, query, setItems);
  return { items, problem, more: cursor ? () => void load(cursor) : null };
}

const LOOK_AGAIN_MS = 4_000;

/** While recordings that are shown are still being processed: look what became of them, without moving any row. */
function useSettling(
  items: RecordingItem[] | null,
  query: Record<string, string>,
  setItems: (change: (before: RecordingItem[] | null) => RecordingItem[] | null) => void,
): void {
  const settling = items?.some((item) => item.status === "pending") ?? false;
  useEffect(() => {
    if (!settling) return undefined;
    const timer = setInterval(() => {
      if (document.hidden) return;
      const { status: _, ...rest } = query; // one that settles leaves "pending", and must be found all the same
      api.recordings({ ...rest, limit: "200" }).then(
        (page) => {
          const fresh = new Map(page.recordings.map((item) => [item.call_id, item]));
          setItems((before) => before?.map((item) => fresh.get(item.call_id) ?? item) ?? null);
        },
        () => undefined, // the next look may succeed
      );
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [settling, query]);
}

function Filters(props: {
  form: { current: HTMLFormElement | null };
  onChange: (query: Record<string, string>) => void;
}) {
  const { form, onChange } = props;
  const apply = () => form.current && onChange(queryOf(new FormData(form.current)));
  const { queues, agents } = names();
  return (
    <form
      ref={form}
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
      onReset={() => onChange({})}
    >
      <label>
        {t("qa.number")}
        <input name="number" inputMode="tel" maxLength={32} autocomplete="off" />
      </label>
      <label>
        {t("qa.since")}
        <input type="date" name="since" onChange={apply} />
      </label>
      <label>
        {t("qa.until")}
        <input type="date" name="until" onChange={apply} />
      </label>
      <Choice name="queue" label={t("qa.queue")} onChange={apply}>
        {queues.map((queue) => [queue.id, named(queue)])}
      </Choice>
      <Choice name="agent" label={t("qa.agent")} onChange={apply}>
        {agents.map((agent) => [agent.id, agent.name])}
      </Choice>
      <Choice name="status" label={t("qa.status")} onChange={apply}>
        {statuses.map((status) => [status, tSlug("recording", status)])}
      </Choice>
      <div class="filter-buttons">
        <button class="primary">{t("qa.search")}</button>
        <button type="reset" class="quiet">
          {t("qa.clear")}
        </button>
      </div>
    </form>
  );
}

/** A list to choose from; a field to type an id into while nobody knows the names. */
function Choice(props: { name: string; label: string; onChange: () => void; children: [string, string][] }) {
  const { name, label, onChange, children } = props;
  return (
    <label>
      {label}
      {children.length === 0 ? (
        <input name={name} maxLength={64} autocomplete="off" />
      ) : (
        <select name={name} onChange={onChange}>
          <option value="">{t("qa.any")}</option>
          {children.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </label>
  );
}

function List(props: { items: RecordingItem[] | null; chosen: string | null; onOpen: (callId: string) => void }) {
  const { items, chosen, onOpen } = props;
  if (items === null) return <p aria-busy="true">{t("loading")}</p>;
  if (items.length === 0) return <p class="empty">{t("qa.none")}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("nav.qa")}>
      <table class="recordings">
        <thead>
          <tr>
            <th scope="col">{t("qa.when")}</th>
            <th scope="col">{t("qa.caller")}</th>
            <th scope="col" class="wide-only">
              {t("qa.queue")}
            </th>
            <th scope="col">{t("qa.agent")}</th>
            <th scope="col" class="num">
              {t("qa.length")}
            </th>
            <th scope="col" class="wide-only">
              {t("qa.end")}
            </th>
            <th scope="col">{t("qa.status")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <Row key={item.call_id} item={item} current={item.call_id === chosen} onOpen={onOpen} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ item, current, onOpen }: { item: RecordingItem; current: boolean; onOpen: (callId: string) => void }) {
  const agents = item.agents.map(agentName).join(t("list.comma"));
  return (
    <tr aria-current={current ? "true" : undefined}>
      <td>
        <button type="button" class="link" id={`call-${item.call_id}`} onClick={() => onOpen(item.call_id)}>
          <span class="mark" aria-hidden="true">
            {playable(item.status) ? "▶" : ""}
          </span>
          {dateAndTime(item.arrived_at)}
        </button>
      </td>
      <td>{callerText(item.caller)}</td>
      <td class="wide-only" title={item.queue ? queueName(item.queue) : ""}>
        <span class="ellipsis">{item.queue ? queueName(item.queue) : "–"}</span>
      </td>
      <td title={agents}>
        <bdi class="ellipsis">{agents || "–"}</bdi>
      </td>
      <td class="num">{item.duration_s === null ? "–" : duration(item.duration_s)}</td>
      <td class="wide-only">{item.end_reason ? tSlug("end", item.end_reason) : "–"}</td>
      <td class="wrap">
        <span class={`tag recording-${item.status}`}>{tSlug("recording", item.status)}</span>{" "}
        {item.voicemail_s !== null && <span class="tag voicemail">{t("qa.voicemail")}</span>}{" "}
        {item.why && item.why !== item.status && <small>{tSlug("recording_why", item.why)}</small>}
      </td>
    </tr>
  );
}
