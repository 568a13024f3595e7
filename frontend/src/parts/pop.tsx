/** Who is calling: what is known at once on top, what the look-up says below, each part in its own place. */
import type { ComponentChildren } from "preact";
import type { Ended } from "../desk";
import { dateAndTime, duration, named, t, timeOfDay, tSlug } from "../i18n";
import { secondsSince } from "../now";
import type { MemberBody, MenuBody, Pop, ReservationBody, TicketBody } from "../wire";
import { callerText } from "./caller";

export function PopCard({ pop, ended }: { pop: Pop; ended: Ended | null }) {
  return (
    <article class={`pop pop-${pop.phase}`}>
      <header>
        <div class="spread">
          <p class="phase">
            {tSlug("phase", pop.phase)}
            {ended?.goesOn && ` – ${t("pop.goes_on")}`}
          </p>
          <p class="timer">{clockOf(pop, ended)}</p>
        </div>
        <p class="number">{callerText(pop.caller)}</p>
        <p class="note">{t("pop.number_is_a_hint")}</p>
        <dl class="facts">
          <Fact name={t("pop.queue")}>{pop.queue ? named(pop.queue) : t("pop.direct")}</Fact>
          <Fact name={t("pop.waited")}>{duration(pop.wait_s)}</Fact>
          <Fact name={t("pop.attempt")}>{pop.attempt}</Fact>
          <Fact name={t("pop.why_me")}>{pop.reason}</Fact>
        </dl>
      </header>
      <Menu menu={pop.menu} />
      <div class="card-grid">
        <Members pop={pop} />
        <Reservations pop={pop} />
        <Tickets pop={pop} />
      </div>
    </article>
  );
}

function clockOf(pop: Pop, ended: Ended | null): string {
  if (pop.phase === "ended") return ended?.talkS == null ? "" : duration(ended.talkS);
  const since = pop.answered_at ?? pop.rang_at;
  return since ? duration(secondsSince(since)) : "";
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Menu({ menu }: { menu: MenuBody | null }) {
  return (
    <section class="menu-facts" aria-label={t("pop.menu")}>
      {menu ? (
        <>
          <ol class="trail">
            {menu.path.map((step) => (
              <li key={`${step.node}${step.keys}`}>
                {step.keys && <kbd>{step.keys}</kbd>} {step.label}
              </li>
            ))}
          </ol>
          <ul class="chips">
            <li>{tSlug("language", menu.language)}</li>
            {menu.is_member !== null && <li>{t(menu.is_member ? "pop.says_member" : "pop.says_no_member")}</li>}
            {menu.reservation_number && <li>{t("pop.keyed", { number: menu.reservation_number })}</li>}
          </ul>
        </>
      ) : (
        <p class="note">{t("pop.no_menu")}</p>
      )}
    </section>
  );
}

type Status = "pending" | "live" | "stale" | "unavailable";

function Part(props: { title: string; status: Status; asOf: string | null; empty: boolean; children: ComponentChildren }) {
  const { title, status, asOf, empty, children } = props;
  return (
    <section class={`part part-${status}`} aria-busy={status === "pending"}>
      <h3>
        {title}
        <span class={`freshness freshness-${status}`}>
          {t(`fresh.${status}`)}
          {status === "stale" && asOf && ` ${timeOfDay(asOf)}`}
        </span>
      </h3>
      {status === "unavailable" && empty && <p class="note">{t("fresh.unavailable_what")}</p>}
      {(status === "live" || status === "stale") && empty && <p class="note">{t("pop.nothing")}</p>}
      {children}
    </section>
  );
}

function Members({ pop }: { pop: Pop }) {
  const { members, link } = pop.card;
  const several = members.members.length > 1;
  return (
    <Part title={t("pop.members")} status={members.status} asOf={members.as_of} empty={members.members.length === 0}>
      {link.link && (
        <p class={`confidence confidence-${link.link.confidence}`}>
          {tSlug("confidence", link.link.confidence)} <span class="note">{tSlug("why", link.link.why)}</span>
        </p>
      )}
      {several && <p class="warning">{t("pop.choose_member", { n: members.members.length })}</p>}
      <ul class="cards">
        {members.members.map((member) => (
          <Member key={member.member_id} member={member} />
        ))}
      </ul>
    </Part>
  );
}

function Member({ member }: { member: MemberBody }) {
  return (
    <li>
      <p class="name">
        <span dir="auto">{member.name}</span> <small dir="auto">{member.name_kana}</small>
        {typeof member.standing === "string" && <span class="tag">{tSlug("standing", member.standing)}</span>}
      </p>
      <p class="note">
        {[member.company, member.plan, member.member_id].filter(Boolean).join(" · ")}
      </p>
      {member.notes?.map((note) => (
        <p key={note} dir="auto">
          {note}
        </p>
      ))}
    </li>
  );
}

function Reservations({ pop }: { pop: Pop }) {
  const { reservations } = pop.card;
  return (
    <Part
      title={t("pop.reservations")}
      status={reservations.status}
      asOf={reservations.as_of}
      empty={reservations.reservations.length === 0}
    >
      <ul class="cards">
        {reservations.reservations.map((reservation) => (
          <Reservation key={reservation.reservation_id} reservation={reservation} />
        ))}
      </ul>
    </Part>
  );
}

function Reservation({ reservation }: { reservation: ReservationBody }) {
  const { vehicle } = reservation;
  return (
    <li>
      <p class="spread">
        <strong>{reservation.number || reservation.reservation_id}</strong>
        {reservation.status && <span class={`tag tag-${reservation.status}`}>{tSlug("booking", reservation.status)}</span>}
      </p>
      {reservation.member_name && <p dir="auto">{reservation.member_name}</p>}
      {reservation.starts_at && reservation.ends_at && (
        <p>
          {dateAndTime(reservation.starts_at)} – {dateAndTime(reservation.ends_at)}
        </p>
      )}
      {vehicle && (
        <p>
          <strong class="plate">{vehicle.plate}</strong>{" "}
          <span class="note">{[vehicle.model, vehicle.colour, vehicle.station].filter(Boolean).join(" · ")}</span>
        </p>
      )}
      {reservation.terms && reservation.terms.length > 0 && (
        <ul class="terms" aria-label={t("pop.terms")}>
          {reservation.terms.map((term) => (
            <li key={term} dir="auto">
              {term}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

function Tickets({ pop }: { pop: Pop }) {
  const { tickets } = pop.card;
  return (
    <Part title={t("pop.tickets")} status={tickets.status} asOf={tickets.as_of} empty={tickets.tickets.length === 0}>
      <ul class="cards">
        {tickets.tickets.map((ticket) => (
          <Ticket key={ticket.ticket_id} ticket={ticket} />
        ))}
      </ul>
    </Part>
  );
}

function Ticket({ ticket }: { ticket: TicketBody }) {
  return (
    <li>
      <p dir="auto">
        <strong>{ticket.title}</strong>
      </p>
      <p class="note">
        {[ticket.ticket_id, tSlug("ticket", ticket.status ?? ""), ticket.opened_at && dateAndTime(ticket.opened_at)]
          .filter(Boolean)
          .join(" · ")}
      </p>
    </li>
  );
}
