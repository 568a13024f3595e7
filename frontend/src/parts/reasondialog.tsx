/** Asks why before something that the audit trail keeps with its reason. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t, timeZone } from "../i18n";
import { serverNow } from "../now";
import { dayOf, startOfDay } from "../times";
import { Trouble, useSending } from "./asked";
import { Dialog } from "./dialog";

const MOST_WORDS = 500; // cti/web/keepbodies.py

export function ReasonDialog(props: {
  title: string;
  text: string;
  action: string;
  danger?: boolean;
  day?: string; // label of the field for a last day; without it there is none
  onDo: (reason: string, until: string | null) => Promise<unknown>;
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const { title, text, action, danger = false, day, onDo, onClose, children } = props;
  const { busy, problem, send } = useSending();
  const [reason, setReason] = useState("");
  const [last, setLast] = useState("");
  const first = useRef<HTMLInputElement>(null);
  const id = useId();
  useEffect(() => first.current?.focus(), []);
  const today = dayOf(serverNow(), timeZone.value);
  const act = async () => {
    // To the end of the day that was chosen, by the desk's clock.
    if (await send(() => onDo(reason.trim(), last ? startOfDay(last, timeZone.value, 1) : null))) onClose();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      buttons={
        <button type="submit" form={id} class={danger ? "danger" : "primary"} aria-disabled={busy ? "true" : undefined}>
          {action}
        </button>
      }
    >
      <p>{text}</p>
      {children}
      <form
        id={id}
        class="reason-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void act();
        }}
      >
        <label>
          {t("keep.reason")}
          <input ref={first} value={reason} required pattern=".*\S.*" maxLength={MOST_WORDS} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        {day && (
          <label>
            {day}
            <input type="date" min={today} value={last} onInput={(event) => setLast(event.currentTarget.value)} />
          </label>
        )}
      </form>
      <Trouble of={problem} />
    </Dialog>
  );
}
