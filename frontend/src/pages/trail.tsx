/** The audit trail: who did what, when and from where. What is looked for stands in the address. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { datedTime, duration, t, timeZone, tSlug } from "../i18n";
import { serverNow } from "../now";
import { Act, Trouble } from "../parts/asked";
import { agentName, names, personName, queueName } from "../parts/names";
import { Text } from "../parts/text";
import { privacy } from "../privacyapi";
import { ACTS, callOf, fromTrailAddress, loginMeant, toTrailAddress, toTrailQuery, type TrailSearch } from "../trailsearch";
import type { TrailEntry } from "../wire";

export function TrailList() {
  const address = useSearch();
  const search = fromTrailAddress(address);
  const said = toTrailAddress(search);
  const [, go] = useLocation();
  const change = (next: TrailSearch) => {
    const to = toTrailAddress(next);
    go(to ? `/privacy/trail?${to}` : "/privacy/trail");
  };
  const [entries, setEntries] = useState<readonly TrailEntry[] | null>(null);
  const [next, setNext] = useState<number | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const asked = useRef(0);
  const read = async (before: number | null) => {
    asked.current += 1;
    const mine = asked.current;
    try {
      const page = await privacy.trail(toTrailQuery(search, timeZone.value, before));
      if (mine !== asked.current) return; // something else is looked for meanwhile
      setEntries((known) => (before ? [...(known ?? []), ...page.entries] : page.entries));
      setNext(page.next);
      setProblem(null);
    } catch (error) {
      if (mine !== asked.current) return;
      if (!before) setEntries(null);
      setProblem(error);
    }
  };
  useEffect(() => void read(null), [said]);
  return (
    <div class="page-part">
      <p class="note">{t("trail.how")}</p>
      <Filters key={said} search={search} onSearch={(wanted) => (toTrailAddress(wanted) === said ? void read(null) : change(wanted))} onClear={() => change({})} />
      <Trouble of={problem} />
      {problem !== null && entries === null && <Act onAct={() => void read(null)}>{t("retry")}</Act>}
      {entries === null && problem === null && <p aria-busy="true">{t("loading")}</p>}
      {entries?.length === 0 && (
        <div class="empty">
          <p>{t(said ? "trail.none" : "trail.none_yet")}</p>
          {said && <Act onAct={() => change({})}>{t("qa.clear")}</Act>}
        </div>
      )}
      {entries !== null && entries.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={t("privacy.trail")}>
          <table class="trail-table">
            <thead>
              <tr>
                <th scope="col">{t("qa.when")}</th>
                <th scope="col">{t("trail.who")}</th>
                <th scope="col">{t("trail.what")}</th>
                <th scope="col">{t("trail.which")}</th>
                <th scope="col" class="wide-only">
                  {t("trail.address")}
                </th>
              </tr>
            </thead>
            <tbody>
              {entries.map((entry) => (
                <Row key={entry.entry_id} entry={entry} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {next !== null && <Act onAct={() => void read(next)}>{t("qa.more")}</Act>}
    </div>
  );
}

function Filters(props: { search: TrailSearch; onSearch: (search: TrailSearch) => void; onClear: () => void }) {
  const { search, onSearch, onClear } = props;
  const [who, setWho] = useState(search.who ?? "");
  const [what, setWhat] = useState(search.what ?? "");
  const [which, setWhich] = useState(search.which ?? "");
  const [since, setSince] = useState(search.since ?? "");
  const [until, setUntil] = useState(search.until ?? "");
  const { people } = names();
  return (
    <form
      class="panel filters"
      onSubmit={(event) => {
        event.preventDefault();
        onSearch({ who: loginMeant(who, people), what, which: which.trim(), since, until });
      }}
    >
      <label>
        {t("trail.who")}
        <input list="people" maxLength={200} value={who} autocomplete="off" onInput={(event) => setWho(event.currentTarget.value)} />
      </label>
      {/* Outside of the label: what stands in there is the field's name. */}
      <datalist id="people">
        {people.map((one) => (
          <option key={one.login} value={one.login}>
            {one.name}
          </option>
        ))}
      </datalist>
      <label>
        {t("trail.what")}
        <select value={what} onChange={(event) => setWhat(event.currentTarget.value)}>
          <option value="">{t("qa.any")}</option>
          {ACTS.map((act) => (
            <option key={act} value={act}>
              {tSlug("acts", act)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("qa.since")}
        <input type="date" value={since} onInput={(event) => setSince(event.currentTarget.value)} />
      </label>
      <label>
        {t("qa.until")}
        <input type="date" value={until} onInput={(event) => setUntil(event.currentTarget.value)} />
      </label>
      <label class="wide-field">
        {t("trail.which_id")}
        <input maxLength={200} value={which} autocomplete="off" onInput={(event) => setWhich(event.currentTarget.value)} />
      </label>
      <span class="choices">
        <button class="primary">{t("qa.search")}</button>
        <button type="button" onClick={onClear}>
          {t("qa.clear")}
        </button>
      </span>
    </form>
  );
}

function Row({ entry }: { entry: TrailEntry }) {
  const call = callOf(entry);
  const detail = detailText(entry);
  const name = personName(entry.who);
  return (
    <tr>
      <td class="num">
        <time dateTime={entry.at}>{datedTime(entry.at, serverNow())}</time>
      </td>
      <td title={name === entry.who ? name : `${name} (${entry.who})`}>
        <bdi class="ellipsis">{name || "–"}</bdi>
      </td>
      <td class="wrap">
        {tSlug("act", entry.what)}
        {detail && (
          <small class="trail-detail">
            <Text text={detail} limit={120} plain />
          </small>
        )}
      </td>
      <td class="wrap">
        {call ? (
          <Link href={`/qa/${call}`} title={call}>
            {t("trail.call", { id: call.slice(0, 8) })}
          </Link>
        ) : (
          <span title={entry.which}>
            <Text text={entry.which ? thing(entry) : "–"} limit={40} plain />
          </span>
        )}
      </td>
      <td class="wide-only">{entry.address || "–"}</td>
    </tr>
  );
}

/** What it was done with, by its name where it has one. */
function thing({ what, which }: TrailEntry): string {
  if (what.startsWith("agent.")) return agentName(which);
  if (what.startsWith("plan.")) return queueName(which);
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(which) ? `${which.slice(0, 8)}…` : personName(which);
}

// For machines: which bytes, and of which file.
const NOT_SHOWN = new Set(["bytes", "sha256", "seconds", "hold"]);

/** What else stands in an entry. */
function detailText(entry: TrailEntry): string {
  const { seconds } = entry.detail;
  const heard = Array.isArray(seconds) && seconds.length === 2 ? [seconds.map((one) => duration(Number(one))).join("–")] : [];
  const rest = Object.entries(entry.detail)
    .filter(([name, value]) => !NOT_SHOWN.has(name) && value !== null && value !== "")
    .map(([name, value]) => t("qa.filter", { name: tSlug("trail_detail", name), value: valueText(value) }));
  return [...heard, ...rest].join(" · ");
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(t("list.comma"));
  if (value !== null && typeof value === "object")
    return Object.entries(value)
      .map(([name, one]) => `${tSlug("known", name)} ${valueText(one)}`)
      .join(t("list.comma"));
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? datedTime(value, serverNow()) : String(value);
}
