/** Notes, reasons and tickets of the call that is shown. */
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { after, askTicket, lookAt, lookAway, newKey, noteChanges, noteOf, reasons } from "../aftercall";
import { named, t, timeOfDay, tSlug } from "../i18n";
import { type Note, type NoteState, written } from "../note";
import { type Choice, choices, found } from "../reasons";
import type { NoteBody, TicketLine, TicketRequest } from "../wire";
import { agentName, readNames } from "./names";
import { refusalText } from "./problem";
import { SaidLater } from "./saidlater";
import { Pause, Text } from "./text";

const NOTE_MOST = 4000;
const REASONS_MOST = 10;

/** What is known of a call that something is to be kept of. */
export interface Kept {
  readonly callId: string;
  readonly begun: boolean; // false: it still rings, nothing can be written
  readonly tickets: readonly { readonly ticket_id: string; readonly status?: string; readonly title?: string }[]; // to join
  readonly memberId: string;
  readonly reservationId: string;
}

/** Everything that an agent keeps of a call. Its place is there from the first ring, so that nothing moves. */
export function AfterCall({ of }: { of: Kept }) {
  const { callId, begun } = of;
  drawAnew();
  useEffect(() => {
    if (!begun) return undefined;
    let shown = true;
    void lookAt(callId, () => shown);
    return () => {
      shown = false;
      lookAway(callId);
    };
  }, [callId, begun]);
  const note = begun ? noteOf(callId) : null;
  const told = begun && after.value?.call_id === callId ? after.value : null;
  return (
    <section class="after" aria-label={t("after.title")}>
      <NoteField note={note} />
      <div class="after-side">
        <Reasons note={note} required={told?.reason_required ?? false} />
        {told?.has_tickets && <Tickets of={of} note={note} tickets={told.tickets} />}
        {told && told.others.length > 0 && <Others notes={told.others} />}
      </div>
    </section>
  );
}

const stateKey = (state: NoteState): "after.saved" | "after.saving" | "after.kept" | "after.changed" | "after.refused" =>
  `after.${state}`;

/** A note is one object whose words change: whoever draws it looks at the count of changes. */
const drawAnew = (): number => noteChanges.value;

function NoteField({ note }: { note: Note | null }) {
  drawAnew();
  const id = useId();
  const empty = note !== null && note.draft.version === 0 && note.state === "saved";
  return (
    <div class="note-field">
      <p class="spread">
        <label for={id}>{t("after.note")}</label>
        <span role="status" class={`note-state note-${note?.state ?? "none"}`}>
          {note && !empty && t(stateKey(note.state))}
        </span>
      </p>
      <textarea
        id={id}
        class="call-note"
        rows={5}
        maxLength={NOTE_MOST}
        disabled={note === null}
        placeholder={note === null ? t("after.later") : ""}
        value={note?.draft.note ?? ""}
        onInput={(event) => note?.edit({ note: event.currentTarget.value })}
        onBlur={() => note?.flush()}
      />
      {note?.theirs && (
        <div class="warning" role="alert">
          <p>{t("after.changed_what")}</p>
          <blockquote class="theirs">
            <Text text={note.theirs.note || "–"} limit={200} />
          </blockquote>
          <p class="choices">
            <button type="button" onClick={() => note.choose("mine")}>
              {t("after.keep_mine")}
            </button>
            <button type="button" onClick={() => note.choose("theirs")}>
              {t("after.take_theirs")}
            </button>
          </p>
        </div>
      )}
      {note?.state === "refused" && (
        <p role="alert" class="problem">
          {refusalText(note.refusal)}
        </p>
      )}
    </div>
  );
}

/** What the call was about: chosen from the desk's tree by typing, or by looking down the list. */
function Reasons({ note, required }: { note: Note | null; required: boolean }) {
  drawAnew();
  const id = useId();
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const [told, setTold] = useState(""); // to a screen reader: nothing that has the focus says what was chosen
  const field = useRef<HTMLInputElement>(null);
  const tree = reasons.value;
  if (tree.length === 0) return null;
  const all = choices(tree, named);
  const chosen = note?.draft.reasons ?? [];
  const offered = found(all, tree, query).filter((one) => !chosen.includes(one.id));
  const current = Math.min(at, offered.length - 1);

  const add = (choice: Choice | undefined) => {
    if (!note || !choice || chosen.length >= REASONS_MOST) return;
    note.edit({ reasons: [...chosen, choice.id] });
    setTold(t("after.taken", { name: choice.name }));
    setQuery("");
    setAt(0);
    setOpen(false);
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => (open ? setAt(Math.min(current + 1, offered.length - 1)) : setOpen(true)),
    ArrowUp: () => setAt(Math.max(0, current - 1)),
    Enter: () => open && add(offered[current]),
    Escape: () => setOpen(false),
  };
  return (
    <div class="reasons">
      <label for={id}>
        {t("after.reasons")}
        {required && (
          <>
            <Pause /> <span class="required">{t("after.required")}</span>
          </>
        )}
      </label>
      {chosen.length > 0 && (
        <ul class="chips" aria-label={t("after.chosen")}>
          {chosen.map((reason) => {
            const name = all.find((one) => one.id === reason)?.name ?? reason;
            return (
              <li key={reason}>
                {name}{" "}
                <button
                  type="button"
                  class="chip-remove"
                  aria-label={t("after.remove", { name })}
                  onClick={() => {
                    note?.edit({ reasons: chosen.filter((one) => one !== reason) });
                    setTold(t("after.removed", { name }));
                    field.current?.focus();
                  }}
                >
                  ×
                </button>
              </li>
            );
          })}
        </ul>
      )}
      <SaidLater text={open && query && offered.length === 0 ? t("after.none_found") : told} />
      <div class="combobox">
        <input
          ref={field}
          id={id}
          class="reason-search"
          role="combobox"
          autocomplete="off"
          aria-autocomplete="list"
          aria-expanded={open}
          aria-controls={`${id}-list`}
          aria-activedescendant={open && offered[current] ? `${id}-${offered[current].id}` : undefined}
          placeholder={t("after.search")}
          disabled={note === null || chosen.length >= REASONS_MOST}
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setTold("");
            setAt(0);
            setOpen(true);
          }}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={(event) => {
            const does = event.isComposing ? undefined : keys[event.key];
            if (!does || (event.key === "Escape" && !open)) return;
            event.preventDefault();
            event.stopPropagation();
            does();
          }}
        />
        <ul id={`${id}-list`} role="listbox" aria-label={t("after.reasons")} hidden={!open} class="options">
          {offered.map((one, place) => (
            <li
              key={one.id}
              id={`${id}-${one.id}`}
              role="option"
              aria-selected={place === current}
              // Before the field loses the focus, and with it the list its place.
              onMouseDown={(event) => {
                event.preventDefault();
                add(one);
              }}
            >
              {one.path.length > 0 && <small>{one.path.join(" › ")} › </small>}
              {one.name}
            </li>
          ))}
          {offered.length === 0 && (
            <li role="option" aria-selected={false} aria-disabled="true" class="note">
              {t("after.none_found")}
            </li>
          )}
        </ul>
      </div>
    </div>
  );
}

const NEW = "";

function Tickets({ of, note, tickets }: { of: Kept; note: Note | null; tickets: readonly TicketLine[] }) {
  drawAnew();
  const [which, setWhich] = useState(NEW);
  const [title, setTitle] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey()); // the same until it is stored: a second click is the same wish
  const joinable = of.tickets.filter((one) => one.status !== "closed");
  const first = reasons.value.find((one) => one.id === note?.draft.reasons[0]);
  const words = title || (first ? named(first) : "");

  async function ask(event: Event): Promise<void> {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    const wish: TicketRequest =
      which === NEW
        ? {
            key: key.current,
            do: "open",
            title: words,
            category: first?.id ?? "other",
            note: note?.draft.note ?? "",
            member_id: of.memberId,
            reservation_id: of.reservationId,
          }
        : { key: key.current, do: "join", ticket_id: which, note: note?.draft.note ?? "" };
    try {
      await askTicket(of.callId, wish);
      key.current = newKey();
      setTitle("");
      setProblem("");
      void lookAt(of.callId, () => after.value?.call_id === of.callId); // until this is settled
    } catch (error) {
      setProblem(refusalText(error));
    } finally {
      setBusy(false);
    }
  }

  return (
    <div class="tickets-asked">
      <form onSubmit={(event) => void ask(event)} aria-label={t("after.tickets")}>
        {joinable.length > 0 && (
          <label>
            {t("after.which")}
            <select value={which} onChange={(event) => setWhich(event.currentTarget.value)}>
              <option value={NEW}>{t("after.new_ticket")}</option>
              {joinable.map((one) => (
                <option key={one.ticket_id} value={one.ticket_id}>
                  {`${one.ticket_id} ${Array.from(one.title ?? "").slice(0, 40).join("")}`}
                </option>
              ))}
            </select>
          </label>
        )}
        {which === NEW && (
          <label class="grow">
            {t("after.ticket_title")}
            <input
              class="ticket-title"
              maxLength={200}
              autocomplete="off"
              value={words}
              onInput={(event) => setTitle(written(event.currentTarget.value).replace("\t", " "))}
            />
          </label>
        )}
        <button type="submit" aria-disabled={busy || (which === NEW && !words.trim())}>
          {t(which === NEW ? "after.open_ticket" : "after.join_ticket")}
        </button>
      </form>
      <p role="alert" class="problem">
        {problem}
      </p>
      <TicketLines tickets={tickets} />
    </div>
  );
}

/** Tickets that were asked for, and how far each has come. */
export function TicketLines({ tickets }: { tickets: readonly TicketLine[] }) {
  if (tickets.length === 0) return null;
  return (
    <ul class="ticket-lines" aria-label={t("after.tickets")} aria-live="polite">
      {tickets.map((one) => (
        <li key={one.key}>
          <span class={`tag asked-${one.state}`}>{tSlug("asked", one.state)}</span>{" "}
          <Text text={[one.ticket_id, one.title].filter(Boolean).join(" ") || t(`after.${one.do}_ticket`)} />{" "}
          <small>
            {one.state === "refused" ? tSlug("asked_why", one.why ?? "refused", one.why ?? "") : tSlug("asked_what", one.state, "")}
          </small>
        </li>
      ))}
    </ul>
  );
}

function Others({ notes }: { notes: readonly NoteBody[] }) {
  useEffect(readNames, []);
  return (
    <div class="others">
      <h3>{t("after.others")}</h3>
      <Notes notes={notes} />
    </div>
  );
}

/** Notes of agents, to read. */
export function Notes({ notes }: { notes: readonly NoteBody[] }) {
  return (
    <ul class="cards written">
      {notes.map((one) => (
        <li key={one.agent}>
          <p class="spread">
            <strong>{agentName(one.agent)}</strong> <time dateTime={one.changed_at}>{timeOfDay(one.changed_at)}</time>
          </p>
          {one.reasons.length > 0 && (
            <ul class="chips">
              {one.reasons.map((reason) => (
                <li key={reason.id}>{named({ name_ja: reason.path_ja.join(" › "), name_en: reason.path_en.join(" › ") })}</li>
              ))}
            </ul>
          )}
          {one.note && (
            <p class="written-note">
              <Text text={one.note} limit={400} />
            </p>
          )}
        </li>
      ))}
    </ul>
  );
}
