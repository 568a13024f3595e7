/** Of one recording: what keeps it, its deletion, and who listened to which seconds. For who answers for it. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { Refusal } from "../api";
import { joinSpans, lanesHeard, sittingsOf, type Sitting } from "../heard";
import { datedTime, duration, t, timeOfDay, timeZone } from "../i18n";
import type { Lane } from "../lanes";
import { serverNow } from "../now";
import { privacy } from "../privacyapi";
import { may } from "../session";
import { sameDay } from "../times";
import type { LegalHold, TrailEntry } from "../wire";
import { Act, Trouble } from "./asked";
import { HoldWords, ReleaseDialog } from "./holds";
import { useKeptFocus } from "./keptfocus";
import { personName, readNames } from "./names";
import { ReasonDialog } from "./reasondialog";
import "../privacy.css";

interface KeepingProps {
  callId: string;
  stored: boolean; // there is something to keep, and to delete
  length: number; // seconds
  onHeard: (lanes: readonly Lane[]) => void;
}

type Window = "hold" | "delete" | LegalHold | null;

export function Keeping({ callId, stored, length, onHeard }: KeepingProps) {
  const [holds, setHolds] = useState<readonly LegalHold[] | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [open, setOpen] = useState<Window>(null);
  const [ordered, setOrdered] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  // The button of a hold goes with the hold.
  useKeptFocus(box, (here) => here.querySelector<HTMLElement>("button"));
  const look = async () => {
    if (!may("hold")) return;
    try {
      setHolds((await privacy.holds({ call_id: callId, limit: "200" })).holds);
      setProblem(null);
    } catch (error) {
      setProblem(error);
    }
  };
  useEffect(() => {
    readNames();
    void look();
  }, []);
  /** Somebody held it meanwhile: the window says so in this page's language, with by whom. */
  const remove = async (reason: string) => {
    try {
      await privacy.remove(callId, reason);
      setOrdered(true);
    } catch (error) {
      if (!(error instanceof Refusal && error.key === "under_hold")) throw error;
      await look();
      throw new Refusal(error.status, error.key, error.message);
    }
  };
  const close = () => setOpen(null);
  const held = holds !== null && holds.length > 0;
  return (
    <div class="keeping" ref={box}>
      <div class="keeping-head">
        <h3>{t("keep.title")}</h3>
        {may("hold") && holds !== null && (
          <span class={`tag ${held ? "tag-held" : ""}`}>{t(ordered ? "keep.deleting" : held ? "keep.held" : "keep.free")}</span>
        )}
        {may("hold") && stored && !ordered && (
          <Act class="small" onAct={() => setOpen("hold")}>
            {t("keep.hold")}
          </Act>
        )}
        {may("delete") && stored && !ordered && (
          <Act class="small" onAct={() => setOpen("delete")}>
            {t("keep.delete")}
          </Act>
        )}
      </div>
      <p role="status" class={ordered ? "warning" : "visually-hidden"}>
        {ordered && t("keep.ordered")}
      </p>
      <Trouble of={problem} />
      {held && (
        <ul class="holds">
          {holds.map((hold) => (
            <li key={hold.hold_id}>
              <HoldWords hold={hold} />
              <Act class="small" label={t("keep.release_of", { reason: hold.reason })} onAct={() => setOpen(hold)}>
                {t("keep.release")}
              </Act>
            </li>
          ))}
        </ul>
      )}
      {may("trail") && <Heard callId={callId} length={length} onHeard={onHeard} />}
      {open === "hold" && (
        <ReasonDialog
          title={t("keep.hold_title")}
          text={t("keep.hold_text")}
          action={t("keep.hold_do")}
          day={t("keep.last_day")}
          onDo={async (reason, until) => {
            const made = await privacy.hold(callId, { reason, until });
            setHolds((before) => [made, ...(before ?? [])]);
          }}
          onClose={close}
        />
      )}
      {open === "delete" && (
        <ReasonDialog
          title={t("keep.delete_title")}
          text={t(held ? "keep.delete_held" : "keep.delete_text")}
          action={t("keep.delete_do")}
          danger
          onDo={remove}
          onClose={close}
        >
          {held && (
            <ul class="holds">
              {holds.map((hold) => (
                <li key={hold.hold_id}>
                  <HoldWords hold={hold} />
                </li>
              ))}
            </ul>
          )}
        </ReasonDialog>
      )}
      {open !== null && typeof open === "object" && <ReleaseDialog hold={open} onDone={() => void look()} onClose={close} />}
    </div>
  );
}

const MOST = "200"; // of a page of the trail

/** Read when it is opened, and anew each time: what is being heard now is in it. */
function Heard({ callId, length, onHeard }: { callId: string; length: number; onHeard: (lanes: readonly Lane[]) => void }) {
  const [entries, setEntries] = useState<readonly TrailEntry[] | null>(null);
  const [more, setMore] = useState<number | null>(null);
  const [open, setOpen] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const read = async (before: number | null) => {
    try {
      const page = await privacy.trail({ which: callId, what: "recording.", limit: MOST, ...(before ? { before: String(before) } : {}) });
      setEntries((known) => (before ? [...(known ?? []), ...page.entries] : page.entries));
      setMore(page.next);
      setProblem(null);
    } catch (error) {
      setProblem(error);
    }
  };
  const sittings = open && entries ? sittingsOf(entries) : [];
  useEffect(() => onHeard(lanesHeard(sittings, length, personName)), [open, entries, length]);
  // The player scrolls in itself: what was asked for is seen.
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open && entries) box.current?.scrollIntoView({ block: "nearest" });
  }, [open, entries]);
  return (
    <div class="heard" ref={box}>
      <button
        type="button"
        class="small"
        aria-expanded={open}
        onClick={() => {
          if (!open) void read(null);
          setOpen(!open);
        }}
      >
        {t("heard.title")}
      </button>
      {open && (
        <>
          <Trouble of={problem} />
          {entries === null && problem === null && <p aria-busy="true">{t("loading")}</p>}
          {entries !== null && sittings.length === 0 && <p class="note">{t("heard.none")}</p>}
          {sittings.length > 0 && (
            <ul class="sittings" tabIndex={0} aria-label={t("heard.title")}>
              {sittings.map((one) => (
                <Line key={`${one.who} ${one.way} ${one.from}`} sitting={one} />
              ))}
            </ul>
          )}
          <p class="note">{t("heard.how")}</p>
          <p class="choices">
            {more !== null && <Act class="small" onAct={() => void read(more)}>{t("heard.earlier")}</Act>}
            <Link href={`/privacy/trail?which=${callId}`}>{t("heard.all")}</Link>
          </p>
        </>
      )}
    </div>
  );
}

const MOST_SPANS = 8;

function Line({ sitting }: { sitting: Sitting }) {
  const { who, way, from, to, addresses, spans } = sitting;
  const shown = spans.slice(0, MOST_SPANS).map((span) => `${duration(span.from)}–${duration(span.to)}`);
  const rest = spans.length - shown.length;
  const whole = joinSpans(spans).reduce((sum, span) => sum + span.to - span.from, 0);
  const end = to !== from && timeOfDay(to) !== timeOfDay(from) ? (sameDay(from, to, timeZone.value) ? timeOfDay(to) : datedTime(to, serverNow())) : "";
  return (
    <li>
      <bdi class="heard-who">{personName(who)}</bdi> {way !== "heard" && <span class="tag">{t(`heard.${way}`)}</span>}{" "}
      <small>
        {datedTime(from, serverNow())}
        {end && `–${end}`}
      </small>{" "}
      <span class="heard-seconds">
        {spans.length === 0
          ? t("heard.nothing")
          : `${shown.join(t("list.comma"))}${rest > 0 ? t("heard.and", { count: rest }) : ""} (${t("heard.sum", { time: duration(whole) })})`}
      </span>{" "}
      <small class="heard-from">{addresses.join(", ")}</small>
    </li>
  );
}
