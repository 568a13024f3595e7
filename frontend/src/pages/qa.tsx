import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation, useParams, useSearch } from "wouter-preact";
import { api } from "../api";
import { dateAndTime, duration, t, timeZone, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { secondAsked } from "../moments";
import { serverNow } from "../now";
import { DialSaid, NumberToDial } from "../parts/dial";
import { agentName, queueName, readNames } from "../parts/names";
import { playable, Player } from "../parts/player";
import { refusalText } from "../parts/problem";
import { Chips, Saved, SearchForm, valueText } from "../parts/searchform";
import { Text } from "../parts/text";
import { fromAddress, marked, type Search, toAddress, toQuery } from "../search";
import type { ReasonBody, RecordingCountBody, RecordingItem } from "../wire";

/** Find a call, hear it. What is searched stands in the address, so that it can be kept and sent. */
export function QaPage() {
  const chosen = useParams<{ call?: string }>().call ?? null;
  const address = useSearch();
  const search = fromAddress(address);
  const said = toAddress(search);
  const [, go] = useLocation();
  const list = useRecordings(said);
  const reasons = useReasons();
  const items = list.items ?? [];
  const place = items.findIndex((item) => item.call_id === chosen);
  const toList = useRef<string | null>(null); // the search that was asked for with Enter: its first call gets the focus
  useEffect(readNames, []);

  const to = (path: string, query: string) => go(query ? `${path}?${query}` : path);
  const open = (callId: string) => to(`/qa/${callId}`, said);
  const change = (next: Search) => to(chosen ? `/qa/${chosen}` : "/qa", toAddress(next));
  const now = useRef<string | null | undefined>(chosen); // what is open by the time more of the list has come
  now.current = chosen;
  useEffect(() => () => void (now.current = undefined), []); // somebody went to another page meanwhile
  /** The first that fits behind the one that is open, in what the list shows or in its next page. */
  const goOn = async (fits: (item: RecordingItem) => boolean) => {
    const next = items.slice(place + 1).find(fits) ?? (await list.more?.())?.find(fits);
    if (next && now.current === chosen) open(next.call_id);
  };
  const back = items[place - 1];
  /** The next of the list that has sound, played when one is over. What the list does not hold has no next one. */
  const following = () => {
    if (place >= 0) void goOn((item) => playable(item.status));
  };
  const close = () => {
    to("/qa", said);
    document.getElementById(`call-${chosen}`)?.focus();
  };
  const field = (name: string) => document.querySelector<HTMLInputElement>(`#search [name=${name}]`)?.focus();
  useKeys([
    { key: "/", does: "keys.search", run: () => field("text") },
    { key: "v", does: "keys.plate", run: () => field("plate") },
    { key: "y", does: "keys.yesterday", run: () => change({ ...search, since: "yesterday", until: "yesterday" }) },
    { key: "x", does: "keys.clear", run: () => change({}) },
    { key: "n", does: "keys.next", run: () => void goOn(() => true) },
    { key: "p", does: "keys.previous", run: () => back && open(back.call_id) },
  ]);
  useEffect(() => {
    const first = list.items?.[0];
    if (toList.current === null || toList.current !== list.of || list.busy || !list.items) return;
    toList.current = null;
    if (first) document.getElementById(`call-${first.call_id}`)?.focus();
  }, [list.items, list.of, list.busy]);

  return (
    <div class="page">
      <h1>{t("nav.qa")}</h1>
      <SearchForm
        search={search}
        reasons={reasons}
        onChange={change}
        onSearch={(next) => {
          toList.current = toAddress(next);
          if (toList.current === said) list.again();
          else change(next);
        }}
      />
      <Chips search={search} reasons={reasons} onChange={change} />
      <div class="search-line">
        <Count count={list.count} />
        <Saved search={search} onChange={change} />
      </div>
      {list.problem && (
        <p role="alert" class="problem">
          {list.problem}
        </p>
      )}
      {!chosen && <DialSaid />}
      <List items={list.items} search={search} reasons={reasons} chosen={chosen} onOpen={open} onChange={change} />
      {list.more && (
        <button type="button" onClick={() => void list.more?.()}>
          {t("qa.more")}
        </button>
      )}
      {chosen && (
        <Player
          key={chosen}
          callId={chosen}
          item={items[place] ?? null}
          beginAt={secondAsked(address)}
          onEnded={following}
          onClose={close}
        />
      )}
    </div>
  );
}

function useReasons(): readonly ReasonBody[] {
  const [reasons, setReasons] = useState<readonly ReasonBody[]>([]);
  useEffect(() => {
    api.reasons().then(
      (tree) => setReasons(tree.reasons),
      () => undefined, // codes stand for themselves
    );
  }, []);
  return reasons;
}

function Count({ count }: { count: RecordingCountBody | null }) {
  const many = count && `${count.count.toLocaleString("en-US")}${count.more ? "+" : ""}`;
  return (
    <p class="count" aria-live="polite">
      {many && t("qa.count", { count: many })}
      {count?.filled_to && <small> {t("qa.filling", { time: dateAndTime(count.filled_to) })}</small>}
    </p>
  );
}

function useRecordings(said: string) {
  const [items, setItems] = useState<RecordingItem[] | null>(null);
  const [of, setOf] = useState<string | null>(null); // the search that found them
  const [cursor, setCursor] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  const [count, setCount] = useState<RecordingCountBody | null>(null);
  const [busy, setBusy] = useState(true);
  const asked = useRef(0);
  const query = (): Record<string, string> => toQuery(fromAddress(said), serverNow(), timeZone.value);

  /** What came; none when it was not to be had, or is no longer asked for. */
  async function load(after: string | null): Promise<readonly RecordingItem[]> {
    asked.current += 1;
    const mine = asked.current;
    setBusy(true);
    try {
      const page = await api.recordings(after ? { ...query(), after } : query());
      if (mine !== asked.current) return []; // the filters changed meanwhile
      setItems((before) => (after ? [...(before ?? []), ...page.recordings] : page.recordings));
      setOf(said);
      setCursor(page.next);
      setProblem("");
      return page.recordings;
    } catch (error) {
      if (mine !== asked.current) return [];
      setItems((before) => (after ? before : []));
      setOf(said);
      setCursor(null);
      setProblem(refusalText(error));
      return [];
    } finally {
      if (mine === asked.current) setBusy(false);
    }
  }

  const again = () => {
    void load(null);
    const mine = asked.current;
    setCount(null);
    // After the list, which is what somebody waits for.
    api.recordingCount(query()).then(
      (found) => mine === asked.current && setCount(found),
      () => undefined,
    );
  };
  useEffect(again, [said]);
  useSettling(items, said, setItems);
  return { items, of, problem, count, busy, again, more: cursor ? () => load(cursor) : null };
}

const LOOK_AGAIN_MS = 4_000;

/** While recordings that are shown are still being processed: look what became of them, without moving any row. */
function useSettling(
  items: RecordingItem[] | null,
  said: string,
  setItems: (change: (before: RecordingItem[] | null) => RecordingItem[] | null) => void,
): void {
  const settling = items?.some((item) => item.status === "pending") ?? false;
  useEffect(() => {
    if (!settling) return undefined;
    const timer = setInterval(() => {
      if (document.hidden) return;
      // One that settles leaves "pending" and "nothing to hear", and must be found all the same.
      const { status: _, recorded: __, ...rest } = toQuery(fromAddress(said), serverNow(), timeZone.value);
      api.recordings({ ...rest, limit: "200" }).then(
        (page) => {
          const fresh = new Map(page.recordings.map((item) => [item.call_id, item]));
          setItems((before) => before?.map((item) => fresh.get(item.call_id) ?? item) ?? null);
        },
        () => undefined, // the next look may succeed
      );
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [settling, said]);
}

interface ListProps {
  items: RecordingItem[] | null;
  search: Search;
  reasons: readonly ReasonBody[];
  chosen: string | null;
  onOpen: (callId: string) => void;
  onChange: (search: Search) => void;
}

function List({ items, search, reasons, chosen, onOpen, onChange }: ListProps) {
  if (items === null) return <p aria-busy="true">{t("loading")}</p>;
  if (items.length === 0) return <Nothing search={search} onChange={onChange} />;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t("nav.qa")}>
      <table class="recordings">
        <thead>
          <tr>
            <th scope="col">{t("qa.when")}</th>
            <th scope="col">{t("qa.caller_number")}</th>
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
            <Row
              key={item.call_id}
              item={item}
              search={search}
              reasons={reasons}
              current={item.call_id === chosen}
              onOpen={onOpen}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** An empty list says what to do. */
function Nothing({ search, onChange }: { search: Search; onChange: (search: Search) => void }) {
  const filters = Object.keys(search).length;
  return (
    <div class="empty">
      <p>{t(filters > 0 ? "qa.none" : "qa.none_yet")}</p>
      {filters > 0 && (
        <>
          <p>{t(search.since || search.until ? "qa.none_days" : "qa.none_less")}</p>
          {(search.since || search.until) && (
            <button type="button" onClick={() => onChange({ ...search, since: undefined, until: undefined })}>
              {t("qa.any_day")}
            </button>
          )}{" "}
          <button type="button" onClick={() => onChange({})}>
            {t("qa.clear")}
          </button>
        </>
      )}
    </div>
  );
}

interface RowProps {
  item: RecordingItem;
  search: Search;
  reasons: readonly ReasonBody[];
  current: boolean;
  onOpen: (callId: string) => void;
}

function Row({ item, search, reasons, current, onOpen }: RowProps) {
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
      <td class="wrap">
        <NumberToDial of={item.caller} />
        <Matched item={item} search={search} reasons={reasons} />
      </td>
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

/** What of a record the search found, beyond what its columns show. */
function Matched({ item, search, reasons }: { item: RecordingItem; search: Search; reasons: readonly ReasonBody[] }) {
  const said: string[] = [];
  if (search.plate) said.push(...item.plates);
  if (search.reservation) said.push(...item.reservations);
  if (search.ticket) said.push(...item.tickets);
  if (search.caller) said.push(tSlug("caller_group", item.caller_group));
  if (search.direction) said.push(tSlug("direction", item.direction));
  if (search.reason) said.push(...item.reasons.map((one) => valueText("reason", one, reasons)));
  if ((search.min_silence || search.max_silence) && item.silence !== null)
    said.push(t("qa.silence_is", { percent: Math.round(item.silence * 100) }));
  if (search.min_transfers || search.max_transfers) said.push(t("qa.transfers_are", { count: item.transfers }));
  if (said.length === 0 && !item.note) return null;
  return (
    <small class="matched">
      {said.length > 0 && <bdi>{said.join(t("list.comma"))}</bdi>}
      {item.note && (
        <bdi>
          {marked(item.note, search.text ?? "").map((piece, at) =>
            piece.hit ? <mark key={at}>{piece.text}</mark> : <Text key={at} text={piece.text} limit={200} />,
          )}
        </bdi>
      )}
    </small>
  );
}
