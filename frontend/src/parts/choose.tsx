/** Agents, queues, saved numbers and a typed number, in one field: whom a caller is passed on to, or who is asked. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api";
import { lookSaved, saved } from "../dial";
import { named, t, tSlug } from "../i18n";
import { command, desk, subscribe, unsubscribe } from "../session";
import type { AgentLive, Command } from "../wire";
import { Finder } from "./finder";
import { refusedText } from "./problem";
import { type Kind, typedNumber, type Whom } from "../whom";

export type Wish = "consult" | "transfer";
/** Which command a choice is, by what is wished and of whom. */
const COMMANDS: Record<Wish, Partial<Record<Kind, Command>>> = {
  consult: { agent: "consult", saved: "consult_outside", number: "consult_outside" },
  transfer: { agent: "to_agent", queue: "to_queue", saved: "to_outside", number: "to_outside" },
};
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
  const refusal = useRefusal(query);
  useEffect(() => {
    subscribe(); // the board is asked for only while somebody chooses
    void lookSaved();
    return unsubscribe;
  }, []);
  const kinds = COMMANDS[wish];
  const can = (kind: Kind) => {
    const wanted = kinds[kind];
    return wanted !== undefined && may.includes(wanted);
  };
  return (
    <Finder
      title={t(`whom.${wish}`)}
      everybody={whoever(refusal, query).filter((one) => can(one.kind))}
      query={query}
      setQuery={setQuery}
      loading={desk.value.board === null}
      nobody={t("whom.nobody")}
      pick={(one) => {
        const wanted = kinds[one.kind];
        if (!wanted) return;
        command(wanted, one.id);
        close();
      }}
      close={close}
    />
  );
}

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
