/** What the look-up says of bookings and tickets, each part as it is known. Members: popmembers.tsx. */
import { useState } from "preact/hooks";
import { dayAndTime, span, t, tSlug } from "../i18n";
import { serverNow } from "../now";
import type { Pop, ReservationBody, TicketBody, VehicleBody } from "../wire";
import { Cards, joined, Part, textOf } from "./part";
import { Text } from "./text";

export function Reservations({ pop }: { pop: Pop }) {
  const { reservations: part, link } = pop.card;
  const linked = link.link?.reservation_id;
  return (
    <Part title={t("pop.reservations")} status={part.status} asOf={part.as_of} count={part.reservations.length}>
      <Cards
        items={part.reservations}
        draw={(one) => (
          <Reservation
            key={one.reservation_id}
            reservation={one}
            linked={one.reservation_id === linked}
            place={placeOf(one, part.reservations)}
          />
        )}
      />
    </Part>
  );
}

type Place = "now" | "next" | "last" | null;

/** Where a booking stands among its member's: the one under way, the next one, the last one. */
export function placeOf(one: ReservationBody, all: readonly ReservationBody[]): Place {
  if (one.status === "in_use" || one.status === "overdue") return "now";
  const own = all.filter((other) => other.member_id === one.member_id && other.status === one.status);
  const time = (other: ReservationBody) => Date.parse(other.starts_at ?? "") || 0;
  if (one.status === "upcoming") return own.every((other) => time(other) >= time(one)) ? "next" : null;
  if (one.status === "returned") return own.every((other) => time(other) <= time(one)) ? "last" : null;
  return null;
}

function Reservation({ reservation, linked, place }: { reservation: ReservationBody; linked: boolean; place: Place }) {
  const { vehicle } = reservation;
  const terms = reservation.terms ?? [];
  return (
    <li class={linked ? "linked" : ""}>
      <p class="spread">
        <strong>
          {place && <span class="note">{t(`pop.${place}`)} </span>}
          <Text text={reservation.number || reservation.reservation_id} plain />
        </strong>
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
            <Text text={vehicle.plate} plain />
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
