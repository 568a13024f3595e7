/** One field in which somebody is found by keyboard alone (WAI-ARIA combobox). */
import { useEffect, useRef, useState } from "preact/hooks";
import { langOf, t } from "../i18n";
import { search, type Whom } from "../whom";
import { SaidLater } from "./saidlater";

// A list that is read while somebody talks; more of the same is found by typing on.
const SHOWN = 30;

interface FinderProps {
  readonly title: string; // of the field and the list
  readonly everybody: readonly Whom[];
  readonly query: string;
  readonly setQuery: (query: string) => void;
  readonly loading: boolean;
  readonly nobody: string; // what is said when nobody is found
  readonly pick: (one: Whom) => void;
  readonly close: () => void;
}

export function Finder({ title, everybody, query, setQuery, loading, nobody, pick, close }: FinderProps) {
  // By who it is and not by their place: the list is sorted anew whenever somebody becomes free.
  const [at, setAt] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => field.current?.focus(), []);
  const found = search(everybody.filter((one) => one.kind !== "number"), query);
  const typed = everybody.filter((one) => one.kind === "number");
  const shown = [...typed, ...found].slice(0, SHOWN);
  const index = Math.max(0, shown.findIndex((one) => keyOf(one) === at));
  const chosen = shown[index];
  const count = shown.length === 0 ? nobody : t("whom.found", { n: shown.length });
  useEffect(() => {
    if (chosen && !loading && keyOf(chosen) !== at) setAt(keyOf(chosen));
  });
  const go = (place: number) => {
    const one = shown[(place + shown.length) % Math.max(1, shown.length)];
    if (one) setAt(keyOf(one));
  };
  useEffect(() => {
    list.current?.children[index]?.scrollIntoView({ block: "nearest" });
  }, [index]);
  const choose = (one: Whom | undefined) => {
    if (one && !one.why) pick(one);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return; // Enter ends the conversion to kanji and nothing else
    if (event.key === "ArrowDown") go(index + 1);
    else if (event.key === "ArrowUp") go(index - 1);
    else if (event.key === "Enter") choose(chosen);
    else if (event.key === "Escape") {
      if (query) {
        setQuery("");
        setAt("");
      } else close();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="talk-choice">
      <label for="whom">{title}</label>
      <div class="whom-line">
        <input
          id="whom"
          ref={field}
          type="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="whom-list"
          aria-autocomplete="list"
          aria-activedescendant={shown.length > 0 ? `whom-${index}` : undefined}
          autocomplete="off"
          maxLength={60}
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setAt("");
          }}
          onKeyDown={onKeyDown}
        />
        <button type="button" class="quiet" onClick={close}>
          {t("talk.cancel")}
        </button>
      </div>
      <ul id="whom-list" ref={list} role="listbox" class="whom-list" aria-label={title}>
        {shown.map((one, place) => (
          <li
            key={keyOf(one)}
            id={`whom-${place}`}
            role="option"
            aria-selected={place === index}
            aria-disabled={one.why ? "true" : undefined}
            class={place === index ? "at" : ""}
            onMouseDown={(event) => event.preventDefault()}
            onMouseMove={() => place !== index && setAt(keyOf(one))}
            onClick={() => choose(one)}
          >
            <span class="whom-name" dir="auto" lang={langOf(one.name)}>{one.name}</span>
            <small>
              {t(`whom.kind.${one.kind}`)}
              {one.note && ` · ${one.note}`}
              {one.why && ` · ${one.why}`}
            </small>
          </li>
        ))}
      </ul>
      <p class="note">{loading ? t("loading") : count}</p>
      {/* How many there are without a word typed is not worth the name that is being read. */}
      <SaidLater text={loading || (query === "" && shown.length > 0) ? "" : count} />
    </div>
  );
}

const keyOf = (one: Whom): string => `${one.kind} ${one.id} ${one.name}`;
