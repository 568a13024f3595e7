/** A field to dial from, and numbers on the page that can be clicked. */
import { useEffect, useState } from "preact/hooks";
import { navigate } from "wouter-preact/use-browser-location";
import { asking, dial, dialling, knowDialling, lookDialling, lookSaved, saved, said, toAsk } from "../dial";
import { t } from "../i18n";
import { connection, desk, hasRole } from "../session";
import { search, typedNumber, type Whom } from "../whom";
import type { Caller } from "../wire";
import { callerText } from "./caller";
import { refusedText } from "./problem";

// Where the controls of a call are.
const AGENT_PAGE = "/agent";

export function DialBox() {
  const [number, setNumber] = useState("");
  // Each time the server is there: a look while it was away found nothing.
  const there = connection.value === "open";
  useEffect(() => {
    if (there) void lookDialling();
  }, [there]);
  // "Your phone rings" is over when it does not.
  const { pop } = desk.value;
  const rings = pop === null || (pop.reach !== null && pop.phase === "ringing");
  useEffect(() => {
    if (!rings && said.peek()?.refused === false) said.value = null;
  }, [rings]);
  const may = dialling.value;
  if (!may?.number) return null;
  return (
    <form
      class="panel dial"
      aria-label={t("dial.title")}
      onSubmit={(event) => {
        event.preventDefault();
        void dial(number).then((taken) => taken && setNumber(""));
      }}
    >
      <label for="dial-number">{t("dial.title")}</label>
      <div class="dial-line">
        <input
          id="dial-number"
          type="tel"
          autocomplete="off"
          maxLength={40}
          value={number}
          aria-describedby="dial-said"
          onInput={(event) => setNumber(event.currentTarget.value)}
        />
        <button type="submit" disabled={asking.value || number.trim() === ""}>
          {t("dial.go")}
        </button>
      </div>
      <p id="dial-said" role="status" class={said.value?.refused ? "problem" : "note"}>
        {said.value?.text ?? t("dial.left", { n: may.left })}
      </p>
      <PhoneBook />
    </form>
  );
}

/** A caller's number; where this desk dials out, a click calls it. */
export function NumberToDial({ of }: { of: Caller }) {
  return <Dialled number={of.e164} text={callerText(of)} />;
}

/** A number that stands on the page, in any way of writing one. Whoever is no agent, or has nothing to dial with, sees the number alone. */
export function Dialled({ number, text }: { number: string | null; text: string }) {
  const there = connection.value === "open";
  const agent = hasRole("agent");
  useEffect(() => {
    if (there && agent) knowDialling();
  }, [there, agent]);
  if (!number || !agent || !dialling.value?.number) return <>{text}</>;
  // In a call a number is somebody outside to ask: the caller hears music meanwhile, and a person says yes to it.
  const { talk } = desk.value;
  const asks = talk?.may.includes("consult_outside") ?? false;
  const why = asks ? null : whyNot();
  const does = t(asks ? "dial.ask" : "dial.call", { number: text });
  const press = () => {
    if (why !== null || asking.peek()) return;
    if (!asks || !talk) return void dial(number);
    toAsk.value = { callId: talk.call_id, number: typedNumber(text) ? text : number };
    if (location.pathname !== AGENT_PAGE) navigate(AGENT_PAGE);
  };
  // Not disabled: whoever comes by keyboard is to hear why it does nothing.
  return (
    <button
      type="button"
      class="number-to-dial"
      title={why === null ? does : t(why)}
      aria-label={why === null ? does : `${text} ${t(why)}`}
      aria-disabled={why !== null || (asking.value && !asks) ? "true" : undefined}
      onClick={press}
    >
      {text}
    </button>
  );
}

/** Why no number at all would be dialled now, as far as the page knows; the server knows the rest. */
function whyNot(): "problem.dial_offline" | "problem.dial_busy" | "problem.dial_no_phone" | null {
  const me = desk.value.agent;
  if (!me || me.state === "offline") return "problem.dial_offline";
  if (me.phone === "unreachable") return "problem.dial_no_phone";
  return me.phone === "idle" ? null : "problem.dial_busy";
}

/** What became of a click on a number, on pages without the field. */
export function DialSaid() {
  if (!said.value) return null;
  return (
    <p role="status" class={said.value.refused ? "problem" : "note"}>
      {said.value.text}
    </p>
  );
}

/** The desk's saved numbers: one click calls, and who is not dialled now says why. */
function PhoneBook() {
  const [query, setQuery] = useState("");
  const book = saved.value?.numbers ?? [];
  const all = book.map((one): Whom => ({
    kind: "saved",
    id: one.e164,
    name: one.name,
    reading: one.reading,
    note: one.national,
    why: refusedText(one.refused, one.detail),
  }));
  return (
    <details onToggle={(event) => event.currentTarget.open && void lookSaved()}>
      <summary>{t("dial.book")}</summary>
      {saved.value !== null && book.length === 0 && <p class="note">{t("dial.book_none")}</p>}
      {book.length > 8 && (
        <input
          type="search"
          aria-label={t("dial.book")}
          maxLength={60}
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && event.preventDefault()}
        />
      )}
      <ul class="dial-book">
        {search(all, query).map((one) => (
          <li key={one.id + one.name}>
            <span>{one.name}</span> {one.why ? one.note : <Dialled number={one.id} text={one.note} />}
            {one.why && <small>{one.why}</small>}
          </li>
        ))}
      </ul>
    </details>
  );
}
