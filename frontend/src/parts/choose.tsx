/** One field in which agents, queues, saved numbers and a typed number are found, by keyboard alone (WAI-ARIA combobox). */
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { lookSaved, saved } from "../dial";
import { named, t, tSlug } from "../i18n";
import { command, desk, subscribe, unsubscribe } from "../session";
import type { AgentLive, Command } from "../wire";
import { refusedText } from "./problem";
import { type Kind, search, typedNumber, type Whom } from "../whom";

export type Wish = "consult" | "transfer";
/** Which command a choice is, by what is wished and of whom. */
const COMMANDS: Record<Wish, Partial<Record<Kind, Command>>> = {
  consult: { agent: "consult", saved: "consult_outside", number: "consult_outside" },
  transfer: { agent: "to_agent", queue: "to_queue", saved: "to_outside", number: "to_outside" },
};
// A list that is read while somebody talks; more of the same is found by typing on.
const SHOWN = 30;
const ASK_MS = 250;

/** The wishes that are possible now. */
export const wishes = (may: readonly string[]): Wish[] =>
  (["consult", "transfer"] as const).filter((wish) => Object.values(COMMANDS[wish]).some((one) => may.includes(one)));

/** Asked for with somebody's name; the rest are buttons. */
type OfSomebody = "consult" | "consult_outside" | "to_agent" | "to_queue" | "to_outside";
export const isPlain = (wanted: Command): wanted is Exclude<Command, OfSomebody> =>
  !Object.values(COMMANDS).some((kinds) => Object.values(kinds).includes(wanted));

interface ChooseProps {
  readonly wish: Wish;
  readonly first: string; // what is looked for at first: a number that was clicked
  readonly may: readonly string[];
  readonly close: () => void;
}

export function Choose({ wish, first, may, close }: ChooseProps) {
  const [query, setQuery] = useState(first);
  // By who it is and not by their place: the list is sorted anew whenever somebody becomes free.
  const [at, setAt] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const refusal = useRefusal(query);
  useEffect(() => {
    subscribe(); // the board is asked for only while somebody chooses
    void lookSaved();
    field.current?.focus();
    return unsubscribe;
  }, []);
  const kinds = COMMANDS[wish];
  const can = (kind: Kind) => {
    const wanted = kinds[kind];
    return wanted !== undefined && may.includes(wanted);
  };
  const everybody = whoever(refusal, query).filter((one) => can(one.kind));
  const found = search(everybody.filter((one) => one.kind !== "number"), query);
  const typed = everybody.filter((one) => one.kind === "number");
  const shown = [...typed, ...found].slice(0, SHOWN);
  const index = Math.max(0, shown.findIndex((one) => keyOf(one) === at));
  const chosen = shown[index];
  const loading = desk.value.board === null;
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
    const wanted = one && kinds[one.kind];
    if (!one || one.why || !wanted) return;
    command(wanted, one.id);
    close();
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
      <label for="whom">{t(`whom.${wish}`)}</label>
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
      <ul id="whom-list" ref={list} role="listbox" class="whom-list" aria-label={t(`whom.${wish}`)}>
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
            <span class="whom-name" dir="auto">{one.name}</span>
            <small>
              {t(`whom.kind.${one.kind}`)}
              {one.note && ` · ${one.note}`}
              {one.why && ` · ${one.why}`}
            </small>
          </li>
        ))}
      </ul>
      <p class="note" role="status">
        {loading ? t("loading") : shown.length === 0 ? t("whom.nobody") : t("whom.found", { n: shown.length })}
      </p>
    </div>
  );
}

const keyOf = (one: Whom): string => `${one.kind} ${one.id} ${one.name}`;

/** Why a typed number would not be dialled, as the server says; asked when somebody pauses in typing. */
function useRefusal(query: string): string {
  const [said, setSaid] = useState<{ number: string; why: string }>({ number: "", why: "" });
  const number = typedNumber(query);
  useEffect(() => {
    if (!number) return;
    const timer = setTimeout(() => {
      api.dialling(number).then(
        (answer) => setSaid({ number, why: refusedText(answer.refused, answer.detail) }),
        () => undefined, // the command itself says why
      );
    }, ASK_MS);
    return () => clearTimeout(timer);
  }, [number]);
  return said.number === number ? said.why : "";
}

function whoever(refusal: string, query: string): Whom[] {
  const board = desk.value.board;
  const me = desk.value.agent?.agent;
  const readings = saved.value?.readings ?? {};
  const number = typedNumber(query);
  const queues = (board?.queues ?? []).map((one): Whom => ({
    kind: "queue",
    id: one.queue.id,
    name: named(one.queue),
    reading: `${one.queue.name_ja} ${one.queue.name_en}`,
    note: t("whom.waiting", { n: one.waiting_count }),
    why: "",
  }));
  const numbers = (saved.value?.numbers ?? []).map((one): Whom => ({
    kind: "saved",
    id: one.e164,
    name: one.name,
    reading: one.reading,
    note: one.national,
    why: refusedText(one.refused, one.detail),
  }));
  return [
    ...(board?.agents ?? []).filter((one) => one.agent !== me).map((one) => agent(one, readings[one.agent] ?? "")),
    ...queues,
    ...numbers,
    ...(number ? [{ kind: "number" as const, id: number, name: query.trim(), reading: "", note: "", why: refusal }] : []),
  ];
}

function agent(one: AgentLive, reading: string): Whom {
  const free = one.state !== "offline" && one.phone === "idle" && one.call === null;
  const state = one.call !== null ? t("whom.talks") : tSlug("state", one.state);
  return {
    kind: "agent",
    id: one.agent,
    name: one.name,
    reading,
    note: [state, ...one.skills.map(named)].join(" · "),
    why: free ? "" : t(one.state === "offline" || one.call !== null ? "whom.not_now" : "whom.phone"),
  };
}
