/** What the look-up says of the caller: members, reservations, tickets, each part as it is known. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { dayAndTime, span, t, timeOfDay, tSlug } from "../i18n";
import { serverNow } from "../now";
import type { MemberBody, Pop, ReservationBody, TicketBody, VehicleBody } from "../wire";
import { Text } from "./text";

type Status = "pending" | "live" | "stale" | "unavailable";

function Part(props: { title: string; status: Status; asOf: string | null; count: number; children: ComponentChildren }) {
  const { title, status, asOf, count, children } = props;
  return (
    <section class={`part part-${status}`} aria-busy={status === "pending"}>
      <h3>
        <span>
          {title} {count > 1 && <small>{count}</small>}
        </span>
        <span class={`freshness freshness-${status}`}>
          {t(`fresh.${status}`)}
          {status === "stale" && asOf && ` ${timeOfDay(asOf)}`}
        </span>
      </h3>
      {status === "unavailable" && count === 0 && <p class="note">{t("fresh.unavailable_what")}</p>}
      {(status === "live" || status === "stale") && count === 0 && <p class="note">{t("pop.nothing")}</p>}
      {children}
    </section>
  );
}

/** A list, or nothing at all: an empty list is read out as one. */
function Cards<Item>({ items, draw }: { items: readonly Item[]; draw: (item: Item) => ComponentChildren }) {
  return items.length > 0 ? <ul class="cards">{items.map(draw)}</ul> : null;
}

const joined = (...texts: (string | null | undefined)[]): string => texts.filter(Boolean).join(" · ");

export function Members({ pop }: { pop: Pop }) {
  const { members } = pop.card;
  const several = members.members.length > 1;
  return (
    <Part title={t("pop.members")} status={members.status} asOf={members.as_of} count={members.members.length}>
      {several && <p class="warning">{t("pop.choose_member", { n: members.members.length })}</p>}
      <Cards
        items={members.members}
        draw={(member) => <Member key={member.member_id} member={member} several={several} />}
      />
    </Part>
  );
}

/** Keys beyond the contract's first ones come as they come (docs/linking.md). */
function textOf(record: Record<string, unknown>, key: string): string {
  const value = record[key];
  return typeof value === "string" ? value : "";
}

function questionsOf(member: MemberBody): { prompt: string; answer: string }[] {
  const found = Array.isArray(member.verification) ? (member.verification as unknown[]) : [];
  return found.flatMap((one) => {
    const record = (typeof one === "object" && one !== null ? one : {}) as Record<string, unknown>;
    const prompt = textOf(record, "prompt");
    return prompt ? [{ prompt, answer: textOf(record, "answer") }] : [];
  });
}

function Member({ member, several }: { member: MemberBody; several: boolean }) {
  const questions = questionsOf(member);
  const standing = textOf(member, "standing");
  const status = textOf(member, "status");
  const plan = joined(member.company, member.plan, member.member_id);
  return (
    <li>
      <p class="name">
        <Text text={member.name || member.member_id} />
      </p>
      {member.name_kana && (
        <p class="note">
          <Text text={member.name_kana} />
        </p>
      )}
      <p class="note">
        <Text text={plan} />
      </p>
      {((several && standing) || (status && status !== "active")) && (
        <p class="chips">
          {several && standing && <span class="tag">{tSlug("standing", standing)}</span>}
          {status && status !== "active" && <span class="tag tag-overdue">{tSlug("member", status)}</span>}
        </p>
      )}
      {member.notes?.map((note) => (
        <p key={note} class="member-note">
          <Text text={note} />
        </p>
      ))}
      {questions.length > 0 && (
        <dl class="questions" aria-label={t("pop.verification")}>
          {questions.map(({ prompt, answer }) => (
            <div key={prompt}>
              <dt>
                <Text text={prompt} />
              </dt>
              <dd>
                <Text text={answer} />
              </dd>
            </div>
          ))}
        </dl>
      )}
    </li>
  );
}

export function Reservations({ pop }: { pop: Pop }) {
  const { reservations: part, link } = pop.card;
  const linked = link.link?.reservation_id;
  return (
    <Part title={t("pop.reservations")} status={part.status} asOf={part.as_of} count={part.reservations.length}>
      <Cards
        items={part.reservations}
        draw={(one) => (
          <Reservation key={one.reservation_id} reservation={one} linked={one.reservation_id === linked} />
        )}
      />
    </Part>
  );
}

function Reservation({ reservation, linked }: { reservation: ReservationBody; linked: boolean }) {
  const { vehicle } = reservation;
  const terms = reservation.terms ?? [];
  return (
    <li class={linked ? "linked" : ""}>
      <p class="spread">
        <strong>{reservation.number || reservation.reservation_id}</strong>
        {reservation.status && <span class={`tag tag-${reservation.status}`}>{tSlug("booking", reservation.status)}</span>}
      </p>
      {reservation.member_name && (
        <p>
          <Text text={reservation.member_name} />
        </p>
      )}
      {reservation.starts_at && reservation.ends_at && (
        <p>{span(reservation.starts_at, reservation.ends_at, serverNow())}</p>
      )}
      {vehicle && <Vehicle vehicle={vehicle} />}
      {terms.length > 0 && <Terms terms={terms} />}
    </li>
  );
}

// The server puts those that fit the caller's reason first.
const TERMS_SHOWN = 2;

function Terms({ terms }: { terms: string[] }) {
  const [all, setAll] = useState(false);
  const hidden = terms.length - TERMS_SHOWN;
  return (
    <>
      <ul class="terms" aria-label={t("pop.terms")}>
        {terms.slice(0, all ? undefined : TERMS_SHOWN).map((term) => (
          <li key={term}>
            <Text text={term} limit={160} />
          </li>
        ))}
      </ul>
      {hidden > 0 && (
        <button type="button" class="link more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? t("text.less") : t("pop.terms_more", { n: hidden })}
        </button>
      )}
    </>
  );
}

function Vehicle({ vehicle }: { vehicle: VehicleBody }) {
  const fuel = vehicle.fuel_percent;
  return (
    <div class="vehicle">
      {vehicle.plate && (
        <p>
          <strong class="plate">
            <Text text={vehicle.plate} />
          </strong>
        </p>
      )}
      <p class="note">
        <Text text={joined(vehicle.model, vehicle.colour)} />
      </p>
      <p class="note">
        <Text
          text={joined(
            vehicle.station,
            textOf(vehicle, "location"),
            typeof fuel === "number" ? t("pop.fuel", { n: fuel }) : "",
          )}
        />
      </p>
    </div>
  );
}

export function Tickets({ pop }: { pop: Pop }) {
  const { tickets: part, link } = pop.card;
  const linked = link.link?.ticket_id;
  return (
    <Part title={t("pop.tickets")} status={part.status} asOf={part.as_of} count={part.tickets.length}>
      <Cards
        items={part.tickets}
        draw={(one) => <Ticket key={one.ticket_id} ticket={one} linked={one.ticket_id === linked} />}
      />
    </Part>
  );
}

function Ticket({ ticket, linked }: { ticket: TicketBody; linked: boolean }) {
  const note = textOf(ticket, "last_note");
  return (
    <li class={linked ? "linked" : ""}>
      <p class="spread top">
        <strong>
          <Text text={ticket.title || ticket.ticket_id} />
        </strong>
        {ticket.status && <span class={`tag ticket-${ticket.status}`}>{tSlug("ticket", ticket.status)}</span>}
      </p>
      <p class="note">
        <Text
          text={joined(
            ticket.ticket_id,
            ticket.opened_at && dayAndTime(ticket.opened_at, serverNow()),
            typeof ticket.calls === "number" && ticket.calls > 0 ? t("pop.ticket_calls", { n: ticket.calls }) : "",
          )}
        />
      </p>
      {note && (
        <p class="last-note">
          <Text text={note} limit={160} />
        </p>
      )}
    </li>
  );
}
