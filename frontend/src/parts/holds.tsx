/** Legal holds in words, and the window that ends one. */
import { dated, datedTime, t, timeZone } from "../i18n";
import { serverNow } from "../now";
import { privacy } from "../privacyapi";
import { dayOf } from "../times";
import type { LegalHold } from "../wire";
import { personName } from "./names";
import { ReasonDialog } from "./reasondialog";
import { Text } from "./text";

/** Until when: a hold that ends at midnight ends with the day before. */
export function untilText(until: string | null): string {
  if (until === null) return t("keep.until_released");
  const before = new Date(Date.parse(until) - 1).toISOString();
  if (dayOf(before, timeZone.value) !== dayOf(until, timeZone.value)) return t("keep.until_day", { day: dated(before, serverNow()) });
  return t("keep.until", { time: datedTime(until, serverNow()) });
}

/** Whether it keeps something now. */
export const counts = (hold: LegalHold): boolean =>
  hold.released_at === null && (hold.until === null || Date.parse(hold.until) > serverNow());

export function HoldWords({ hold }: { hold: LegalHold }) {
  return (
    <span class="hold-words">
      <strong>
        <Text text={hold.reason} limit={200} />
      </strong>{" "}
      <small>
        {t("keep.by", { name: personName(hold.set_by), time: datedTime(hold.set_at, serverNow()) })} · {untilText(hold.until)}
      </small>
    </span>
  );
}

export function ReleaseDialog(props: { hold: LegalHold; onDone: (hold: LegalHold) => void; onClose: () => void }) {
  const { hold, onDone, onClose } = props;
  return (
    <ReasonDialog
      title={t("keep.release_title")}
      text={t("keep.release_text")}
      action={t("keep.release_do")}
      onDo={async (reason) => onDone(await privacy.release(hold.hold_id, reason))}
      onClose={onClose}
    >
      <p>
        <HoldWords hold={hold} />
      </p>
    </ReasonDialog>
  );
}
