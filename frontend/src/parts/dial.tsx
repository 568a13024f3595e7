/** A field to dial from, and numbers on the page that can be clicked. */
import { useEffect, useState } from "preact/hooks";
import { asking, dial, dialling, lookDialling, said } from "../dial";
import { t } from "../i18n";
import { connection, desk } from "../session";
import type { Caller } from "../wire";
import { callerText } from "./caller";

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
    </form>
  );
}

/** A caller's number; where this desk dials out and the phone is free, a click calls it. */
export function NumberToDial({ of }: { of: Caller }) {
  const text = callerText(of);
  const number = of.e164;
  if (!number || !dialling.value?.number) return <>{text}</>;
  const free = desk.value.agent?.phone === "idle" && desk.value.agent.state !== "offline";
  return (
    <button
      type="button"
      class="number-to-dial"
      title={t("dial.call", { number: text })}
      aria-label={t("dial.call", { number: text })}
      disabled={!free || asking.value}
      onClick={() => void dial(number)}
    >
      {text}
    </button>
  );
}
