/** A person's data: what is known, its disclosure as a file, its erasure with a look before and a report after. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { Refusal } from "../api";
import { datedTime, t, tSlug } from "../i18n";
import { type Left, leftBecause } from "../heldwords";
import { serverNow } from "../now";
import { Act, Trouble, useSending } from "../parts/asked";
import { Dialog } from "../parts/dialog";
import { HoldWords, untilText } from "../parts/holds";
import { personName } from "../parts/names";
import { Text } from "../parts/text";
import { confirms, fileName, kindsOf, knowsNothing, requestOf } from "../persondata";
import { privacy } from "../privacyapi";
import type { ErasureBody, PersonCounts, PersonRequest } from "../wire";

interface Found {
  readonly wanted: PersonRequest; // as it was looked up: what is written in the fields since is not it
  readonly known: PersonCounts;
}

export function PersonData() {
  const [found, setFound] = useState<Found | null>(null);
  const [ordered, setOrdered] = useState<string | null>(null);
  return (
    <div class="page-part">
      <LookUp
        onFound={(next) => {
          setFound(next);
          setOrdered(null);
        }}
        onChange={() => setFound(null)}
      />
      {found && (
        <Known
          key={JSON.stringify(found.wanted)}
          found={found}
          onOrdered={(erasure) => {
            setOrdered(erasure.erasure_id);
            setFound(null);
          }}
        />
      )}
      <Reports newest={ordered} />
    </div>
  );
}

function LookUp({ onFound, onChange }: { onFound: (found: Found) => void; onChange: () => void }) {
  const [numbers, setNumbers] = useState("");
  const [member, setMember] = useState("");
  const [reference, setReference] = useState("");
  const { busy, problem, send } = useSending();
  const changed = (set: (text: string) => void) => (event: { currentTarget: { value: string } }) => {
    set(event.currentTarget.value);
    onChange(); // what is shown is what was looked up, and nobody else
  };
  const wanted = requestOf(numbers, member, reference);
  const whom = wanted.member_id !== null || (wanted.numbers ?? []).length > 0;
  const [missing, setMissing] = useState(false);
  const look = () => {
    setMissing(!whom);
    if (whom) void send(async () => onFound({ wanted, known: await privacy.look(wanted) }));
  };
  return (
    <form
      class="panel person-form"
      onSubmit={(event) => {
        event.preventDefault();
        look();
      }}
    >
      <p class="note">{t("person.how")}</p>
      <label>
        {t("person.numbers")}
        <textarea rows={2} value={numbers} inputMode="tel" maxLength={800} onInput={changed(setNumbers)} />
      </label>
      <label>
        {t("person.member")}
        <input value={member} maxLength={64} autocomplete="off" onInput={changed(setMember)} />
      </label>
      <label>
        {t("person.reference")}
        <input value={reference} required pattern=".*\S.*" maxLength={100} autocomplete="off" aria-describedby="reference-note" onInput={changed(setReference)} />
      </label>
      <p class="note" id="reference-note">
        {t("person.reference_note")}
      </p>
      <p>
        <button class="primary" aria-disabled={busy ? "true" : undefined}>
          {t(busy ? "person.looking" : "person.look")}
        </button>
      </p>
      <div role="alert" class="problem">
        {missing && !whom && t("person.nobody")}
      </div>
      <Trouble of={problem} />
    </form>
  );
}

function Known({ found, onOrdered }: { found: Found; onOrdered: (erasure: ErasureBody) => void }) {
  const { wanted, known } = found;
  const [erasing, setErasing] = useState(false);
  const head = useRef<HTMLHeadingElement>(null);
  useEffect(() => head.current?.focus(), []);
  const nothing = knowsNothing(known.counts);
  const whom = [...(wanted.numbers ?? []), ...(wanted.member_id ? [wanted.member_id] : [])].join(t("list.comma"));
  return (
    <section class="panel person-known" aria-labelledby="known">
      <h2 id="known" tabIndex={-1} ref={head}>
        {t("person.known")} <bdi>{whom}</bdi>
      </h2>
      {nothing ? (
        <p class="empty">{t("person.nothing")}</p>
      ) : (
        <>
          <p>
            {t("person.calls_found", { count: known.counts.calls ?? 0 })}{" "}
            {(wanted.numbers ?? []).map((number) => (
              <Link key={number} href={`/qa?${new URLSearchParams({ number })}`} class="person-search">
                {t("person.search", { number })}
              </Link>
            ))}
          </p>
          <Counts counts={known.counts} />
          {(known.counts.held ?? 0) > 0 && <p class="note">{t("person.counts_all")}</p>}
          <Stays known={known} />
          <Export wanted={wanted} />
          <p>
            <Act class="danger" onAct={() => setErasing(true)}>
              {t("person.erase")}
            </Act>
          </p>
        </>
      )}
      {erasing && <Erase found={found} onOrdered={onOrdered} onClose={() => setErasing(false)} />}
    </section>
  );
}

function Counts({ counts }: { counts: Readonly<Record<string, number>> }) {
  return (
    <dl class="person-counts">
      {kindsOf(counts).map(([name, count]) => (
        <div key={name} class={count === 0 ? "none" : ""}>
          <dt>{tSlug("known", name)}</dt>
          <dd class="num">{count.toLocaleString("en-US")}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What an erasure would leave whole. */
function Stays({ known }: { known: PersonCounts }) {
  if (known.held.length === 0 && known.live.length === 0) return null;
  return (
    <div class="stays">
      <h3>{t("person.stays")}</h3>
      <ul class="holds">
        {known.held.map((hold) => (
          <li key={hold.hold_id}>
            <span>
              <CallLink call={hold.call_id} at={hold.arrived_at} /> <HoldWords hold={hold} />
            </span>
          </li>
        ))}
        {known.live.map((call) => (
          <li key={call}>
            <span>
              <CallLink call={call} at={null} /> {t("person.left_live")}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

const CallLink = ({ call, at }: { call: string; at: string | null }) => (
  <Link href={`/qa/${call}`} title={call}>
    {at ? t("keep.call_of", { time: datedTime(at, serverNow()) }) : t("trail.call", { id: call.slice(0, 8) })}
  </Link>
);

/** Fetched piece by piece, so that it can be seen to come and can be given up; kept only when it is whole. */
function Export({ wanted }: { wanted: PersonRequest }) {
  const [bytes, setBytes] = useState<number | null>(null);
  const [done, setDone] = useState("");
  const [problem, setProblem] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const fetchIt = async () => {
    if (stop.current) return;
    const mine = new AbortController();
    stop.current = mine;
    setProblem(null);
    setDone("");
    setBytes(0);
    try {
      const answer = await privacy.exported(wanted, mine.signal);
      const whole = await taken(answer, setBytes);
      save(whole, fileName(wanted.reference));
      setDone(t("person.exported", { size: megabytes(whole.size) }));
    } catch (error) {
      // An answer that breaks off is no refusal of the server's: what came is thrown away.
      if (!mine.signal.aborted) setProblem(error instanceof Refusal ? error : new Refusal(0, "broke_off", ""));
    } finally {
      stop.current = null;
      setBytes(null);
    }
  };
  return (
    <div class="person-export">
      <p class="choices">
        <Act class="primary" busy={bytes !== null} onAct={() => void fetchIt()}>
          {t("person.export")}
        </Act>
        {bytes !== null && (
          <>
            <span class="num">{t("person.exporting", { size: megabytes(bytes) })}</span>
            <Act onAct={() => stop.current?.abort()}>{t("talk.cancel")}</Act>
          </>
        )}
      </p>
      <p class="note">{t("person.export_note")}</p>
      <p role="status">{done}</p>
      <Trouble of={problem} />
    </div>
  );
}

const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1);

async function taken(answer: Response, onBytes: (bytes: number) => void): Promise<Blob> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  const reader = answer.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader?.read()) {
    pieces.push(piece.value);
    bytes += piece.value.byteLength;
    onBytes(bytes);
  }
  return new Blob(pieces, { type: "application/zip" });
}

function save(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser has begun to write it by then
}

function Erase({ found, onOrdered, onClose }: { found: Found; onOrdered: (erasure: ErasureBody) => void; onClose: () => void }) {
  const { wanted, known } = found;
  const { busy, problem, send } = useSending();
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState(false);
  const left = (known.counts.held ?? 0) + known.live.length;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const erase = async () => {
    setWrong(!confirms(typed, wanted.reference));
    if (!confirms(typed, wanted.reference)) return;
    await send(async () => onOrdered(await privacy.erase(wanted)));
  };
  return (
    <Dialog
      title={t("person.erase_title")}
      onClose={onClose}
      buttons={
        <button type="submit" form="erase" class="danger" aria-disabled={busy ? "true" : undefined}>
          {t("person.erase_do")}
        </button>
      }
    >
      <p>{t("person.erase_text", { count: (known.counts.calls ?? 0) - (known.counts.held ?? 0) })}</p>
      <p>{t("person.erase_kept")}</p>
      {left > 0 && <p class="warning">{t("person.erase_left", { count: left })}</p>}
      <form
        id="erase"
        class="reason-form"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void erase();
        }}
      >
        <label>
          {t("person.confirm", { reference: wanted.reference })}
          <input ref={field} value={typed} autocomplete="off" maxLength={200} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
      </form>
      <div role="alert" class="problem">
        {wrong && t("person.confirm_wrong")}
      </div>
      <Trouble of={problem} />
    </Dialog>
  );
}

const LOOK_AGAIN_MS = 2_000;

/** What became of each erasure; one that is under way is looked at again until it is done. */
function Reports({ newest }: { newest: string | null }) {
  const [erasures, setErasures] = useState<readonly ErasureBody[] | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const shown = useRef<HTMLElement>(null);
  const read = () =>
    privacy.erasures().then((list) => {
      setErasures(list.erasures);
      setProblem(null);
    }, setProblem);
  const under = erasures?.some((one) => one.state === "ordered") ?? false;
  useEffect(() => void read(), [newest]);
  useEffect(() => {
    if (!under) return undefined;
    const timer = setInterval(() => document.hidden || void read(), LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [under]);
  const here = erasures?.some((one) => one.erasure_id === newest) ?? false;
  useEffect(() => {
    if (here) shown.current?.focus();
  }, [here, newest]);
  return (
    <section aria-labelledby="erasures" class="page-part">
      <h2 id="erasures">{t("person.reports")}</h2>
      <Trouble of={problem} />
      {problem !== null && erasures === null && <Act onAct={() => void read()}>{t("retry")}</Act>}
      {erasures === null && problem === null && <p aria-busy="true">{t("loading")}</p>}
      {erasures?.length === 0 && <p class="empty">{t("person.no_reports")}</p>}
      {erasures?.map((one) => (
        <details key={one.erasure_id} class="panel erasure" open={one.erasure_id === newest}>
          <summary {...(one.erasure_id === newest ? { ref: shown } : {})}>
            <bdi class="erasure-reference">{one.reference}</bdi> ·{" "}
            {t("keep.by", { name: personName(one.asked_by), time: datedTime(one.asked_at, serverNow()) })}{" "}
            <span class={`tag ${one.state === "done" ? "" : "tag-held"}`}>{t(`person.state_${one.state}`)}</span>
          </summary>
          <Report erasure={one} />
        </details>
      ))}
    </section>
  );
}

function Report({ erasure }: { erasure: ErasureBody }) {
  const left = Object.entries(erasure.held);
  return (
    <div class="report">
      <p role="status">
        {erasure.state === "done" && erasure.done_at
          ? t("person.report_done", { time: datedTime(erasure.done_at, serverNow()), count: erasure.calls })
          : t("person.report_waits", { count: erasure.waiting })}
      </p>
      <Counts counts={erasure.counts} />
      {left.length > 0 && (
        <div class="stays">
          <h3>{t("person.left")}</h3>
          <ul class="holds">
            {left.map(([call, said]) => (
              <li key={call}>
                <span>
                  <CallLink call={call} at={null} /> {leftBecause(said).map((one, place) => (
                    <LeftWords key={place} left={one} />
                  ))}
                </span>
              </li>
            ))}
          </ul>
          <p class="note">{t("person.left_again")}</p>
        </div>
      )}
    </div>
  );
}

function LeftWords({ left }: { left: Left }) {
  if (left.kind === "live") return <>{t("person.left_live")} </>;
  if (left.kind === "said")
    return (
      <span lang="en">
        <Text text={left.text} limit={200} plain />{" "}
      </span>
    );
  return (
    <span class="left-words">
      {t("person.left_held", { name: personName(left.by) })} · {untilText(left.until)}
    </span>
  );
}
