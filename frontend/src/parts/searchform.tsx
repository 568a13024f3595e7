/** The filters of QA's search: fields, chips of what is in force, searches that one keeps. All by keyboard. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { named, t, timeZone, tSlug } from "../i18n";
import { serverNow } from "../now";
import { CALLERS, dayOf, DIRECTIONS, type Field, FIELDS, fromAddress, RESULTS, type Search, toAddress, tooShort, unreadable } from "../search";
import type { ReasonBody, SavedSearchBody } from "../wire";
import { agentName, names, queueName } from "./names";
import { refusalText } from "./problem";

export const STATUSES = ["stored", "salvaged", "truncated", "pending", "not_recorded", "failed", "deleted"] as const;
const MORE: readonly Field[] = FIELDS.slice(FIELDS.indexOf("caller"));

interface FormProps {
  search: Search;
  reasons: readonly ReasonBody[];
  onSearch: (search: Search) => void; // asked for with Enter or the button: the list gets the focus
  onChange: (search: Search) => void; // one field was chosen
}

/** Fields are as the address says; what is typed counts once it is sent. */
export function SearchForm({ search, reasons, onSearch, onChange }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  const read = (): Search => (form.current ? fromForm(new FormData(form.current), search) : search);
  const chosen = () => onChange(read());
  const { queues, agents } = names();
  const [open, setOpen] = useState(MORE.some((field) => search[field]));
  const said = toAddress(search);
  // Not drawn anew: what has the focus keeps it.
  // With the drawing itself, so that who presses Enter at once sends what the address says.
  useLayoutEffect(() => {
    if (form.current) fill(form.current, search);
  }, [said]);
  // Choices that come later take their value then; what is being typed meanwhile stays.
  useLayoutEffect(() => {
    if (form.current) fill(form.current, search, HTMLSelectElement);
  }, [queues.length, agents.length, reasons.length]);
  const unread = unreadable(search);
  const problem = unread
    ? t(unread.endsWith("_length") ? "qa.bad_length" : "qa.bad_figure", { name: t(`qa.${unread}` as "qa.text") })
    : tooShort(search)
      ? t("qa.too_short")
      : "";
  return (
    <form
      ref={form}
      id="search"
      class="filters"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(read());
      }}
    >
      <Text name="text" search={search} wide />
      <Text name="plate" search={search} most={32} />
      <Text name="number" search={search} mode="tel" most={32} />
      <Day name="since" search={search} onChange={chosen} />
      <Day name="until" search={search} onChange={chosen} />
      <Choice name="queue" search={search} onChange={chosen} options={queues.map((one) => [one.id, named(one)])} />
      <Choice name="agent" search={search} onChange={chosen} options={agents.map((one) => [one.id, one.name])} />
      <div class="filter-end">
        <button class="primary">{t("qa.search")}</button>
        <details class="more-filters" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>{t("qa.more_filters")}</summary>
          <div class="filters">
            <Choice name="caller" search={search} onChange={chosen} options={CALLERS.map((one) => [one, valueText("caller", one, reasons)])} />
            <Choice name="direction" search={search} onChange={chosen} options={DIRECTIONS.map((one) => [one, valueText("direction", one, reasons)])} />
            <Choice name="reason" search={search} onChange={chosen} options={reasons.map((one) => [one.id, named(one)])} />
            <Choice name="result" search={search} onChange={chosen} options={RESULTS.map((one) => [one, tSlug("end", one)])} />
            <Choice name="recorded" search={search} onChange={chosen} options={[["true", t("qa.with_recording")], ["false", t("qa.without_recording")]]} />
            <Choice name="status" search={search} onChange={chosen} options={STATUSES.map((one) => [one, tSlug("recording", one)])} />
            <Text name="reservation" search={search} />
            <Text name="ticket" search={search} />
            <Text name="min_length" search={search} hint={t("qa.length_hint")} />
            <Text name="max_length" search={search} hint={t("qa.length_hint")} />
            <Text name="min_silence" search={search} mode="numeric" hint="0–100" />
            <Text name="max_silence" search={search} mode="numeric" hint="0–100" />
            <Text name="min_transfers" search={search} mode="numeric" hint="1" />
            <Text name="max_transfers" search={search} mode="numeric" hint="1" />
          </div>
        </details>
      </div>
      {problem && (
        <p role="alert" class="problem">
          {problem}
        </p>
      )}
    </form>
  );
}

/** A day that is searched by its name keeps it: "yesterday" is another day tomorrow. */
function fromForm(data: FormData, search: Search): Search {
  const said = new URLSearchParams();
  for (const field of FIELDS) {
    const value = String(data.get(field) ?? "");
    const word = search[field] ?? "";
    const isDay = field === "since" || field === "until";
    said.set(field, isDay && value && value === dayOf(word, serverNow(), timeZone.value) ? word : value);
  }
  return fromAddress(said.toString());
}

function fill(form: HTMLFormElement, search: Search, only: typeof HTMLSelectElement | null = null): void {
  for (const field of FIELDS) {
    const control = form.elements.namedItem(field);
    if (!(control instanceof HTMLInputElement || control instanceof HTMLSelectElement)) continue;
    if (only && !(control instanceof only)) continue;
    const value = search[field] ?? "";
    const isDay = field === "since" || field === "until";
    control.value = isDay ? dayOf(value, serverNow(), timeZone.value) : value;
  }
}

interface FieldProps {
  name: Field;
  search: Search;
}

/** `most`: letters that the server takes (cti/web/recordingbodies.py). */
function Text(props: FieldProps & { wide?: boolean; mode?: "tel" | "numeric"; hint?: string; most?: number }) {
  const { name, wide, mode, hint, most = 200 } = props;
  return (
    <label class={wide ? "wide-field" : undefined}>
      {t(`qa.${name}` as "qa.text")}
      <input name={name} inputMode={mode} placeholder={hint} maxLength={most} autocomplete="off" />
    </label>
  );
}

function Day({ name, onChange }: FieldProps & { onChange: () => void }) {
  return (
    <label>
      {t(`qa.${name}` as "qa.since")}
      <input type="date" name={name} onChange={onChange} />
    </label>
  );
}

/** A list to choose from; a field to type an id into while nobody knows the names. */
function Choice(props: FieldProps & { onChange: () => void; options: (readonly [string, string])[] }) {
  const { name, search, onChange, options } = props;
  const value = search[name] ?? "";
  return (
    <label>
      {t(`qa.${name}` as "qa.queue")}
      {options.length === 0 ? (
        <input name={name} maxLength={64} autocomplete="off" />
      ) : (
        <select name={name} onChange={onChange}>
          <option value="">{t("qa.any")}</option>
          {value && !options.some(([one]) => one === value) && <option value={value}>{value}</option>}
          {options.map(([one, text]) => (
            <option key={one} value={one}>
              {text}
            </option>
          ))}
        </select>
      )}
    </label>
  );
}

/** A filter's value in words. */
export function valueText(field: Field, value: string, reasons: readonly ReasonBody[]): string {
  switch (field) {
    case "queue":
      return queueName(value);
    case "agent":
      return agentName(value);
    case "caller":
      return tSlug("caller_group", value);
    case "direction":
      return tSlug("direction", value);
    case "result":
      return tSlug("end", value);
    case "status":
      return tSlug("recording", value);
    case "recorded":
      return t(value === "true" ? "qa.with_recording" : "qa.without_recording");
    case "since":
    case "until":
      return tSlug("qa.day", value);
    case "min_silence":
    case "max_silence":
      return `${value.replace(/\s*[%％]$/, "")}%`;
    case "reason": {
      const found = reasons.find((one) => one.id === value);
      return found ? named(found) : value;
    }
    default:
      return value;
  }
}

/** What is in force, each with a button that takes it away; none: nothing. */
export function Chips(props: { search: Search; reasons: readonly ReasonBody[]; onChange: (search: Search) => void }) {
  const { search, reasons, onChange } = props;
  const fields = FIELDS.filter((field) => search[field]);
  if (fields.length === 0) return null;
  const without = (field: Field): Search => ({ ...search, [field]: undefined });
  return (
    <div class="search-chips">
      <ul class="chips" aria-label={t("qa.in_force")}>
        {fields.map((field) => {
          const text = t("qa.filter", { name: t(`qa.${field}` as "qa.text"), value: valueText(field, search[field] ?? "", reasons) });
          return (
            <li key={field}>
              <bdi>{text}</bdi>
              <button
                type="button"
                class="quiet chip-remove"
                aria-label={t("qa.remove", { what: text })}
                onClick={() => onChange(without(field))}
              >
                ×
              </button>
            </li>
          );
        })}
      </ul>
      <button type="button" class="quiet" onClick={() => onChange({})}>
        {t("qa.clear")}
      </button>
    </div>
  );
}

/** Searches that one keeps: chosen from a list, kept under a name, forgotten. */
export function Saved({ search, onChange }: { search: Search; onChange: (search: Search) => void }) {
  const [kept, setKept] = useState<readonly SavedSearchBody[]>([]);
  const [name, setName] = useState("");
  const [problem, setProblem] = useState("");
  const read = () => api.searches().then((list) => setKept(list.searches));
  useEffect(() => void read().catch(() => undefined), []);
  const address = toAddress(search);
  const current = kept.find((one) => one.query === address);
  const act = (doing: Promise<unknown>) => {
    doing.then(read).then(
      () => setProblem(""),
      (error: unknown) => setProblem(refusalText(error)),
    );
  };
  if (!address && kept.length === 0) return null;
  return (
    <div class="saved-searches">
      {kept.length > 0 && (
        <label>
          {t("qa.saved")}
          <select
            value={current?.name ?? ""}
            onChange={(event) => {
              const chosen = kept.find((one) => one.name === event.currentTarget.value);
              if (chosen) onChange(fromAddress(chosen.query));
            }}
          >
            <option value="">–</option>
            {kept.map((one) => (
              <option key={one.name} value={one.name}>
                {one.name}
              </option>
            ))}
          </select>
        </label>
      )}
      {current ? (
        <button type="button" class="quiet" onClick={() => act(api.forgetSearch(current.name))}>
          {t("qa.forget")}
        </button>
      ) : (
        address && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (name.trim()) act(api.saveSearch({ name: name.trim(), query: address }).then(() => setName("")));
            }}
          >
            <label>
              {t("qa.save_as")}
              <input value={name} maxLength={60} autocomplete="off" onInput={(event) => setName(event.currentTarget.value)} />
            </label>
            <button class="quiet">{t("qa.save")}</button>
          </form>
        )
      )}
      <p role="alert" class="problem">
        {problem}
      </p>
    </div>
  );
}
