/** Who is calling: what is known at once on top, what the look-up says below, each part in its own place. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { after, noteChanges, noteOf } from "../aftercall";
import type { Ended } from "../desk";
import { duration, language, named, t, tSlug } from "../i18n";
import { chooseState } from "../session";
import { holding } from "../softphone/holding";
import { linkedMember } from "../told";
import type { LinkBody, MenuBody, Pop } from "../wire";
import { AfterCall, type Kept } from "./aftercall";
import { callerText } from "./caller";
import { NumberToDial } from "./dial";
import { EarlierCalls } from "./popcalls";
import { Reservations, Tickets } from "./popcard";
import { Members } from "./popmembers";
import { VerifiedTag } from "./popverify";
import { Text } from "./text";
import { Timer } from "./timer";

const keptOf = (pop: Pop): Kept => ({
  callId: pop.call_id,
  begun: pop.phase !== "ringing",
  tickets: pop.card.tickets.tickets,
  memberId: linkedMember(pop)?.member_id ?? "",
  reservationId: pop.card.link.link?.reservation_id ?? "",
});

export function PopCard({ pop, ended }: { pop: Pop; ended: Ended | null }) {
  // The server does not know yet that this phone holds the caller by itself; whoever looks at the card must.
  const phase = pop.phase === "talking" && holding.value === "held" ? "held" : pop.phase;
  return (
    <article class={`pop pop-${phase}`}>
      <header class="pop-head">
        <div class="spread">
          <p class="phase">
            {tSlug("phase", phase)}
            {ended?.goesOn && ` – ${t("pop.goes_on")}`}
          </p>
          <Clock pop={pop} ended={ended} />
        </div>
        <div class="identity">
          <div>
            <h2 class="number">{pop.phase === "ended" ? <NumberToDial of={pop.caller} /> : callerText(pop.caller)}</h2>
            <p class="note">{t(pop.caller.kind === "number" ? "pop.number_is_a_hint" : "pop.no_number")}</p>
          </div>
          <Who pop={pop} />
        </div>
        <dl class="facts">
          <Fact name={t("pop.queue")}>{pop.queue ? <Text text={named(pop.queue)} limit={30} /> : t("pop.direct")}</Fact>
          {pop.reach ? (
            <Fact name={t("pop.dialled")}>{tSlug("reach", pop.reach)}</Fact>
          ) : (
            <>
              {pop.callback && <Fact name={t("pop.callback")}>{t("pop.callback_how")}</Fact>}
              <Fact name={t("pop.waited")}>{duration(pop.wait_s)}</Fact>
              <Fact name={t("pop.attempt")}>{t("pop.attempt_n", { n: pop.attempt })}</Fact>
              <Fact name={t("pop.why_me")}>
                <Text text={(language.value === "ja" ? pop.reason_ja : pop.reason_en) || "–"} limit={200} />
              </Fact>
            </>
          )}
        </dl>
      </header>
      <Menu menu={pop.menu} />
      <div class="card-grid">
        <Members pop={pop} />
        <Reservations pop={pop} />
        <Tickets pop={pop} />
        <EarlierCalls pop={pop} />
      </div>
      <AfterCall of={keptOf(pop)} />
      {pop.phase === "ended" && <Over pop={pop} goesOn={ended?.goesOn ?? false} />}
    </article>
  );
}

function Clock({ pop, ended }: { pop: Pop; ended: Ended | null }) {
  if (pop.phase === "ended") {
    return <span class="timer timer-large">{ended?.talkS == null ? "" : duration(ended.talkS)}</span>;
  }
  const since = pop.answered_at ?? pop.rang_at;
  return since ? <Timer since={since} large /> : null;
}

// In large letters this fits one line of the place; longer names are set smaller, so that the place keeps its size.
const NAME_LONG = 12;

/** The name, as soon as there is one, in a place that is kept for it. */
function Who({ pop }: { pop: Pop }) {
  const { link: part, members } = pop.card;
  const member = linkedMember(pop);
  if (part.status === "pending") return <p class="who-calls note">{t("fresh.pending")}</p>;
  const count = members.members.length;
  const name = member?.name ?? (count > 1 ? t("pop.several", { n: count }) : t("pop.nobody"));
  return (
    <div class="who-calls">
      <p class={`name ${member || count > 1 ? "" : "name-nobody"} ${Array.from(name).length > NAME_LONG ? "name-long" : ""}`}>
        <Text text={name} limit={40} plain />
      </p>
      {part.link && <Confidence link={part.link} />}
      <p>
        <VerifiedTag pop={pop} />
      </p>
    </div>
  );
}

function Confidence({ link }: { link: LinkBody }) {
  return (
    <p class="confidence">
      <span class={`tag confidence-${link.confidence}`}>{tSlug("confidence", link.confidence)}</span>{" "}
      <span class="note">{tSlug("why", link.why)}</span>
    </p>
  );
}

function Over({ pop, goesOn }: { pop: Pop; goesOn: boolean }) {
  void noteChanges.value;
  const [asked, setAsked] = useState(false);
  const told = after.value?.call_id === pop.call_id ? after.value : null;
  const missing = told?.reason_required === true && noteOf(pop.call_id)?.draft.reasons.length === 0;
  const finish = () => {
    if (!missing) return chooseState("available");
    setAsked(true);
    document.querySelector<HTMLElement>(".reason-search")?.focus();
  };
  return (
    <div class="over">
      <p class="problem" role="alert">
        {asked && missing && t("after.reason_missing")}
      </p>
      <p class="spread">
        <span class="note">{goesOn ? t("pop.goes_on") : t("pop.after")}</span>
        <span class="choices">
          <button type="button" onClick={() => chooseState("wrap_up")}>
            {t("after.more_time")}
          </button>
          <button type="button" class="primary" onClick={finish}>
            {t("pop.finish")}
          </button>
        </span>
      </p>
    </div>
  );
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
  if (!menu) {
    return (
      <section class="menu-facts" aria-label={t("pop.menu")}>
        <p class="note">{t("pop.no_menu")}</p>
      </section>
    );
  }
  return (
    <section class="menu-facts" aria-label={t("pop.menu")}>
      <ul class="chips">
        <li>{tSlug("language", menu.language)}</li>
        {menu.is_member !== null && <li>{t(menu.is_member ? "pop.says_member" : "pop.says_no_member")}</li>}
        {menu.reservation_number && (
          <li>
            {t("pop.keyed")} <b>{menu.reservation_number}</b>
          </li>
        )}
      </ul>
      <ol class="trail">
        {menu.path.map((step, index) => (
          <li key={`${index}${step.node}`}>
            {step.keys && <kbd>{step.keys}</kbd>} <Text text={step.label} />
          </li>
        ))}
      </ol>
    </section>
  );
}
