/** What is under hold, by whom, why and until when. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { datedTime, t } from "../i18n";
import { serverNow } from "../now";
import { Act, Trouble } from "../parts/asked";
import { counts, ReleaseDialog, untilText } from "../parts/holds";
import { useKeptFocus } from "../parts/keptfocus";
import { personName } from "../parts/names";
import { Text } from "../parts/text";
import { privacy } from "../privacyapi";
import type { LegalHold } from "../wire";

export function HoldsList() {
  const [all, setAll] = useState(false);
  const [holds, setHolds] = useState<readonly LegalHold[] | null>(null);
  const [next, setNext] = useState<number | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [open, setOpen] = useState<LegalHold | null>(null);
  const asked = useRef(0);
  const box = useRef<HTMLDivElement>(null);
  useKeptFocus(box, (here) => here.querySelector<HTMLElement>("input, button"));
  const read = async (before: number | null) => {
    asked.current += 1;
    const mine = asked.current;
    try {
      const page = await privacy.holds({ ...(all ? { all: "true" } : {}), ...(before ? { before: String(before) } : {}) });
      if (mine !== asked.current) return;
      setHolds((known) => (before ? [...(known ?? []), ...page.holds] : page.holds));
      setNext(page.next);
      setProblem(null);
    } catch (error) {
      if (mine === asked.current) setProblem(error);
    }
  };
  useEffect(() => void read(null), [all]);
  return (
    <div ref={box} class="page-part">
      <p class="note">{t("keep.how")}</p>
      <label class="check">
        <input type="checkbox" checked={all} onChange={(event) => setAll(event.currentTarget.checked)} />
        {t("keep.all")}
      </label>
      <Trouble of={problem} />
      {problem !== null && holds === null && <Act onAct={() => void read(null)}>{t("retry")}</Act>}
      {holds === null && problem === null && <p aria-busy="true">{t("loading")}</p>}
      {holds?.length === 0 && <p class="empty">{t(all ? "keep.none_ever" : "keep.none")}</p>}
      {holds !== null && holds.length > 0 && (
        <ul class="hold-list">
          {holds.map((hold) => (
            <li key={hold.hold_id} class="panel">
              <div>
                <p>
                  <Link href={`/qa/${hold.call_id}`}>
                    {hold.arrived_at ? t("keep.call_of", { time: datedTime(hold.arrived_at, serverNow()) }) : hold.call_id}
                  </Link>{" "}
                  <span class={`tag ${counts(hold) ? "tag-held" : ""}`}>{counts(hold) ? untilText(hold.until) : overText(hold)}</span>
                </p>
                <p>
                  <Text text={hold.reason} limit={200} />
                </p>
                <p>
                  <small>{t("keep.by", { name: personName(hold.set_by), time: datedTime(hold.set_at, serverNow()) })}</small>
                </p>
              </div>
              {counts(hold) && (
                <Act class="small" label={t("keep.release_of", { reason: hold.reason })} onAct={() => setOpen(hold)}>
                  {t("keep.release")}
                </Act>
              )}
            </li>
          ))}
        </ul>
      )}
      {next !== null && <Act onAct={() => void read(next)}>{t("qa.more")}</Act>}
      {open && (
        <ReleaseDialog
          hold={open}
          onDone={(over) => setHolds((known) => (known ?? []).flatMap((one) => (one.hold_id !== over.hold_id ? [one] : all ? [over] : [])))}
          onClose={() => setOpen(null)}
        />
      )}
    </div>
  );
}

/** How one that keeps nothing any more came to its end. */
function overText(hold: LegalHold): string {
  const time = datedTime(hold.released_at ?? hold.until ?? hold.set_at, serverNow());
  return hold.released_by ? t("keep.released_by", { name: personName(hold.released_by), time }) : t("keep.over", { time });
}
