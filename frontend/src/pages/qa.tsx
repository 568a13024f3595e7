import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useParams } from "wouter-preact";
import { api } from "../api";
import { dateAndTime, duration, t, tSlug } from "../i18n";
import { callerText } from "../parts/caller";
import { Player } from "../parts/player";
import type { RecordingItem } from "../wire";
import { refusalText } from "./login";

const statuses = ["stored", "salvaged", "truncated", "pending", "not_recorded", "failed"] as const;

/** Days and slugs as typed → the query the server reads. A day is the user's own. */
function queryOf(data: FormData): Record<string, string> {
  const query: Record<string, string> = {};
  const text = (name: string) => String(data.get(name) ?? "").trim();
  if (text("since")) query.since = new Date(`${text("since")}T00:00`).toISOString();
  if (text("until")) {
    const after = new Date(`${text("until")}T00:00`);
    after.setDate(after.getDate() + 1);
    query.until = after.toISOString();
  }
  for (const name of ["queue", "agent", "status", "number", "min_duration_s"]) {
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
  const current = list.items?.find((item) => item.call_id === chosen) ?? null;
  const open = (callId: string) => go(`/qa/${callId}`);

  /** The next of the list that has sound, played when one is over. */
  const next = () => {
    const items = list.items ?? [];
    const after = items.slice(items.findIndex((item) => item.call_id === chosen) + 1);
    const following = after.find(playable);
    if (following) open(following.call_id);
  };

  return (
    <div class="page">
      <h1>{t("nav.qa")}</h1>
      <Filters onChange={setQuery} />
      {chosen && <Player key={chosen} callId={chosen} item={current} onEnded={next} />}
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
    </div>
  );
}

const playable = (item: RecordingItem): boolean => ["stored", "salvaged", "truncated"].includes(item.status);

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
      if (mine === asked.current) setProblem(refusalText(error));
    }
  }

  useEffect(() => void load(null), [query]);
  return { items, problem, more: cursor ? () => void load(cursor) : null };
}

function Filters({ onChange }: { onChange: (query: Record<string, string>) => void }) {
  const form = useRef<HTMLFormElement>(null);
  const apply = () => form.current && onChange(queryOf(new FormData(form.current)));
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
        {t("qa.since")}
        <input type="date" name="since" onChange={apply} />
      </label>
      <label>
        {t("qa.until")}
        <input type="date" name="until" onChange={apply} />
      </label>
      <label>
        {t("qa.agent")}
        <input name="agent" maxLength={64} size={10} />
      </label>
      <label>
        {t("qa.queue")}
        <input name="queue" maxLength={64} size={10} />
      </label>
      <label>
        {t("qa.number")}
        <input name="number" inputMode="tel" maxLength={32} size={12} />
      </label>
      <label>
        {t("qa.status")}
        <select name="status" onChange={apply}>
          <option value="">{t("qa.any")}</option>
          {statuses.map((status) => (
            <option key={status} value={status}>
              {tSlug("recording", status)}
            </option>
          ))}
        </select>
      </label>
      <div class="filter-buttons">
        <button class="primary">{t("qa.search")}</button>
        <button type="reset" class="quiet">
          {t("qa.clear")}
        </button>
      </div>
    </form>
  );
}

function List(props: { items: RecordingItem[] | null; chosen: string | null; onOpen: (callId: string) => void }) {
  const { items, chosen, onOpen } = props;
  if (items === null) return <p aria-busy="true">{t("loading")}</p>;
  if (items.length === 0) return <p class="empty">{t("qa.none")}</p>;
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">{t("qa.when")}</th>
            <th scope="col">{t("qa.caller")}</th>
            <th scope="col">{t("qa.queue")}</th>
            <th scope="col">{t("qa.agent")}</th>
            <th scope="col" class="num">
              {t("qa.length")}
            </th>
            <th scope="col">{t("qa.end")}</th>
            <th scope="col">{t("qa.status")}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={item.call_id} aria-current={item.call_id === chosen ? "true" : undefined}>
              <td>
                <button type="button" class="link" disabled={!playable(item)} onClick={() => onOpen(item.call_id)}>
                  {dateAndTime(item.arrived_at)}
                </button>
              </td>
              <td>{callerText(item.caller)}</td>
              <td>{item.queue ?? "–"}</td>
              <td>{item.agents.join(", ") || "–"}</td>
              <td class="num">{item.duration_s === null ? "–" : duration(item.duration_s)}</td>
              <td>{item.end_reason ? tSlug("end", item.end_reason) : "–"}</td>
              <td>
                <span class={`tag recording-${item.status}`}>{tSlug("recording", item.status)}</span>{" "}
                {item.why && <span class="note">{tSlug("recording_why", item.why)}</span>}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
