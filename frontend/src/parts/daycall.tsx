/** A call of today that is over, opened to complete what is kept of it. */
import { useEffect, useRef } from "preact/hooks";
import { noteChanges, noteOf } from "../aftercall";
import { dateAndTime, duration, named, t } from "../i18n";
import { readTodaySoon } from "../session";
import type { CallLine } from "../wire";
import { AfterCall } from "./aftercall";
import { NumberToDial } from "./dial";

export function DayCall({ call, close }: { call: CallLine; close: () => void }) {
  void noteChanges.value;
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    head.current?.focus();
    return readTodaySoon; // what was missing may be there
  }, []);
  const tickets = call.ticket_id === null ? [] : [{ ticket_id: call.ticket_id }];
  return (
    <article
      class="pop day-call"
      aria-labelledby="day-call"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
        event.preventDefault();
        close();
      }}
    >
      <header class="pop-head">
        <div class="spread">
          <h2 id="day-call" tabIndex={-1} ref={head}>
            {t("today.opened", { time: dateAndTime(call.arrived_at) })}
          </h2>
          <button type="button" onClick={close}>
            {t("close")}
          </button>
        </div>
        <p class="number">
          <NumberToDial of={call.caller} />
        </p>
        <p class="note">
          {[call.queue ? named(call.queue) : t("pop.direct"), call.talk_s === null ? "" : duration(call.talk_s)].filter(Boolean).join(" · ")}
        </p>
        {call.reason_missing && !noteOf(call.call_id)?.draft.reasons.length && <p class="warning">{t("today.reason_missing_what")}</p>}
      </header>
      <AfterCall
        of={{
          callId: call.call_id,
          begun: true,
          tickets,
          memberId: call.member_id ?? "",
          reservationId: call.reservation_id ?? "",
        }}
      />
    </article>
  );
}
