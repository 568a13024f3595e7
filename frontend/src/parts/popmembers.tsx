/** Who may be calling: one member, or several with what tells them apart, of whom the agent chooses one. */
import { useId } from "preact/hooks";
import { api } from "../api";
import { dayAndTime, t, timeOfDay, tSlug } from "../i18n";
import { serverNow } from "../now";
import type { MemberBody, Pop, ReservationBody } from "../wire";
import { useAsking } from "./asking";
import { Dialled } from "./dial";
import { Cards, joined, Part, textOf } from "./part";
import { Verification } from "./popverify";
import { Text } from "./text";

/** Only who hears the caller can say who it is. */
export const connected = (pop: Pop): boolean => pop.phase === "talking" || pop.phase === "held";

export function Members({ pop }: { pop: Pop }) {
  const { members, link } = pop.card;
  const asking = useAsking();
  const linked = link.link?.member_id ?? null;
  const mine = members.members.filter((member) => member.member_id === linked);
  const others = members.members.filter((member) => member.member_id !== linked);
  const several = members.members.length > 1 || link.chosen !== null;
  const folded = mine.length > 0 || link.chosen !== null; // whom it is stands above them
  // The button that was pressed goes with the choice; the keyboard stays in this part.
  const choose = (id: string | null, pressed: HTMLElement) => {
    pressed.closest<HTMLElement>(".part")?.focus({ preventScroll: true });
    asking.ask(() => api.chooseMember(pop.call_id, { member_id: id }));
  };
  const candidate = (member: MemberBody) => (
    <Member
      key={member.member_id}
      pop={pop}
      member={member}
      several={several}
      choose={several ? (pressed) => choose(member.member_id, pressed) : null}
      busy={asking.busy}
    />
  );
  return (
    <Part title={t("pop.members")} status={members.status} asOf={members.as_of} count={members.members.length}>
      {several && linked === null && <p class="warning">{t("pop.choose_member", { n: members.members.length })}</p>}
      <p role="alert" class="problem">
        {asking.problem}
      </p>
      {link.chosen && (
        <p class="spread chosen">
          <span class="note">
            <Text text={t("pop.chosen_by", { name: link.chosen.by, time: timeOfDay(link.chosen.at) })} />
          </span>
          <button
            type="button"
            class="small"
            aria-disabled={asking.busy || !connected(pop)}
            onClick={(event) => connected(pop) && choose(null, event.currentTarget)}
          >
            {t("pop.choose_back")}
          </button>
        </p>
      )}
      <Cards
        items={mine}
        draw={(member) => <Member key={member.member_id} pop={pop} member={member} several={several} choose={null} busy={false} />}
      />
      {linked !== null && mine.length === 0 && link.chosen && <p class="note">{linked}</p>}
      {folded && others.length > 0 && (
        <details class="other-members">
          <summary>{t("pop.other_members", { n: others.length })}</summary>
          <Cards items={others} draw={candidate} />
        </details>
      )}
      {!folded && <Cards items={others} draw={candidate} />}
    </Part>
  );
}

interface MemberProps {
  readonly pop: Pop;
  readonly member: MemberBody;
  readonly several: boolean;
  readonly choose: ((pressed: HTMLElement) => void) | null; // null: it is this one
  readonly busy: boolean;
}

function Member({ pop, member, several, choose, busy }: MemberProps) {
  const standing = textOf(member, "standing");
  const status = textOf(member, "status");
  const may = connected(pop) && !busy;
  const id = useId();
  return (
    <li>
      <p class="spread top">
        <span class="name" id={id}>
          <Text text={member.name || member.member_id} />
        </span>
        {choose && (
          <button
            type="button"
            class="small choose-member"
            aria-disabled={!may}
            aria-describedby={id}
            title={connected(pop) ? "" : t(pop.phase === "ended" ? "problem.call_over" : "pop.choose_later")}
            onClick={(event) => may && choose(event.currentTarget)}
          >
            {t("pop.choose_this")}
          </button>
        )}
      </p>
      {member.name_kana && (
        <p class="note">
          <Text text={member.name_kana} />
        </p>
      )}
      <p class="note">
        <Text text={joined(member.company, member.plan, member.member_id)} />
      </p>
      {phonesOf(member).length > 0 && (
        <ul class="chips" aria-label={t("pop.phones")}>
          {phonesOf(member).map((one) => (
            <li key={one}>
              <Dialled number={one} text={one} />
            </li>
          ))}
        </ul>
      )}
      {((several && standing) || (status && status !== "active")) && (
        <p class="chips">
          {several && standing && <span class="tag">{tSlug("standing", standing)}</span>}
          {status && status !== "active" && <span class="tag tag-overdue">{tSlug("member", status)}</span>}
        </p>
      )}
      {choose && <Apart pop={pop} member={member} />}
      {member.notes?.map((note) => (
        <p key={note} class="member-note">
          <Text text={note} />
        </p>
      ))}
      {!choose && <Verification pop={pop} member={member} />}
    </li>
  );
}

/** Numbers that the booking system has of this member: where they can be reached when the call breaks. */
function phonesOf(member: MemberBody): string[] {
  const { phones } = member;
  return Array.isArray(phones) ? [...new Set(phones.filter((one) => typeof one === "string" && one !== ""))] : [];
}

const UNDER_WAY = ["overdue", "in_use", "upcoming"];

/** The car and the last call tell apart who shares a name or a number. */
function Apart({ pop, member }: { pop: Pop; member: MemberBody }) {
  const own = (one: ReservationBody) => one.member_id === member.member_id && UNDER_WAY.includes(one.status ?? "");
  const booking = pop.card.reservations.reservations.find(own);
  const last = pop.card.calls.calls.find((call) => call.member_id === member.member_id);
  if (!booking && !last) return null;
  const car = booking && joined(booking.vehicle?.plate, booking.vehicle?.model, tSlug("booking", booking.status ?? ""));
  return (
    <p class="note apart">
      <Text text={joined(car, last && t("pop.last_call", { at: dayAndTime(last.arrived_at, serverNow()) }))} />
    </p>
  );
}
