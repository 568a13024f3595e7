/** The phone in the page: one line above every page, of the same height whatever happens. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { connection, hasRole, me } from "../session";
import { answersAfterS, offered } from "../softphone/autoanswer";
import { absent } from "../softphone/devices";
import { expected } from "../softphone/expected";
import { may, lineTable } from "../softphone/machine";
import { still } from "../softphone/meter";
import { microphone, nameOf, unheard } from "../softphone/microphone";
import { hideRing, showRing } from "../softphone/notify";
import { cutOff } from "../softphone/gone";
import { holding, notHeld } from "../softphone/holding";
import { passing } from "../softphone/passing";
import { sounds } from "../softphone/quality";
import { answer, call, hangUp, line, muted, pressKey, setMuted, tryAgain } from "../softphone/softphone";
import { useKeptFocus } from "./keptfocus";
import { Meter, PhonePanel } from "./phonepanel";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;
// A person has to do something about these; the others pass by themselves.
const MENDED_BY_HAND = ["no_microphone", "microphone_refused", "microphone_busy", "refused", "taken"];
const NOT_RUNG = ["insecure", "lost", "away"];

export function PhoneBar() {
  return line.value === "off" ? <Place /> : <Bar />;
}

/** Of the bar, until the server has said that this page is a phone: what stands below it does not move then. */
function Place() {
  return expected.value && me.value && !me.value.user.must_change && hasRole("agent") ? <div class="phone-bar" /> : null;
}

type Open = "keypad" | "devices" | null;

/** What cannot be pressed now is passed over by Tab, but keeps the focus if it has it: "Answer" is pressed once. */
const can = (may: boolean) => ({ "aria-disabled": !may, tabIndex: may ? 0 : -1 });

function Bar() {
  const [open, setOpen] = useState<Open>(null);
  const on = call.value;
  const talking = on === "talking";
  useEffect(() => {
    if (!talking) setOpen((before) => (before === "keypad" ? null : before));
  }, [talking]);
  useNotification(on === "ringing");
  const flip = (what: "keypad" | "devices") => setOpen((before) => (before === what ? null : what));
  const keypad = () => talking && flip("keypad");
  useKeys([
    { key: "F2", does: "keys.phone_answer", run: answer },
    { key: "F8", does: "keys.phone_mute", run: () => talking && setMuted(!muted.value) },
    { key: "F9", does: "keys.phone_hang_up", run: hangUp },
    { key: "k", does: "keys.phone_keypad", run: keypad },
    { key: "v", does: "keys.phone_devices", run: () => flip("devices") },
  ]);
  const byHand = on === "none" && MENDED_BY_HAND.includes(line.value);
  const troubled = byHand || (on === "none" && NOT_RUNG.includes(line.value));
  const notice = noticeNow();
  const bar = useRef<HTMLElement>(null);
  // The keypad that closes, "try again" that has helped: the keyboard stays at the phone.
  useKeptFocus(bar, (box) => box.querySelector<HTMLElement>("[aria-expanded]:not([tabindex='-1'])"));
  return (
    <section
      class={`phone-bar phone-bar-${troubled ? "trouble" : on}`}
      data-line={line.value}
      aria-label={t("phone.title")}
      ref={bar}
    >
      <Aloud notice={notice} />
      <p class="phone-says">
        {on === "none" ? t(`phone.line.${line.value}`) : t(`phone.call.${on}`)}
        {on === "ringing" && answersAfterS.value !== null && ` – ${t("phone.auto.now", { n: answersAfterS.value })}`}
        {on === "talking" && holding.value === "held" && <strong> – {tSlug("phase", "held")}</strong>}
        {on === "talking" && muted.value && <strong> – {t("phone.muted")}</strong>}
        {notice && <span class="phone-notice"> – {notice}</span>}
      </p>
      {microphone.value && <Meter />}
      <Grade />
      <div class="choices">
        {byHand && may(lineTable, line.value, "again") && (
          <button type="button" onClick={tryAgain}>
            {t(line.value === "taken" ? "phone.take_here" : "retry")}
          </button>
        )}
        <button type="button" class="primary" {...can(on === "ringing")} onClick={answer}>
          {t("phone.answer")} <kbd>F2</kbd>
        </button>
        <button type="button" {...can(on !== "none" && on !== "ending")} onClick={hangUp}>
          {t(on === "ringing" ? "phone.decline" : "phone.hang_up")} <kbd>F9</kbd>
        </button>
        <button type="button" {...can(talking)} aria-pressed={muted.value} onClick={() => talking && setMuted(!muted.value)}>
          {t("phone.mute")} <kbd>F8</kbd>
        </button>
        <button type="button" {...can(talking)} aria-expanded={open === "keypad"} onClick={keypad}>
          {t("phone.keypad")} <kbd>K</kbd>
        </button>
        <button type="button" aria-expanded={open === "devices"} onClick={() => flip("devices")}>
          {t("phone.sound")} <kbd>V</kbd>
        </button>
      </div>
      {open === "keypad" && <Keypad close={() => setOpen(null)} />}
      {open === "devices" && <PhonePanel close={() => setOpen(null)} />}
    </section>
  );
}

/**
 * What a screen reader says of the phone by itself. That it rings and that one talks is said with the caller's name by
 * announcer.tsx; here only while the server is away and knows no caller. Each in a region of its own: what one says anew is no
 * reason to read the others again.
 */
function Aloud({ notice }: { notice: string }) {
  const on = call.value;
  const unheardOf = on !== "none" && connection.value === "lost";
  const wasMuted = useRef(false); // in this call
  if (on !== "talking") wasMuted.current = false;
  else if (muted.value) wasMuted.current = true;
  return (
    <div class="visually-hidden">
      <p role="status">{t(`phone.line.${line.value}`)}</p>
      <p aria-live="assertive">{unheardOf && t(`phone.call.${on}`)}</p>
      <p role="status">{on === "ringing" && answersAfterS.value !== null && t("phone.auto.now", { n: answersAfterS.value })}</p>
      <p role="status">{on === "talking" && (muted.value ? t("phone.muted") : wasMuted.current && t("phone.unmuted"))}</p>
      <p role="status">{notice}</p>
    </div>
  );
}

/** The one thing that a person should know or do now, beside what the phone is in. The worst comes first. */
function noticeNow(): string {
  const on = call.value !== "none";
  if (unheard.value) return t("phone.notice.unheard");
  if (notHeld.value) return t(`phone.notice.${notHeld.value.wanted ? "hold" : "resume"}_${notHeld.value.why}`);
  if (passing.value) return t(`phone.notice.pass_${passing.value.state}`, { to: short(passing.value.to) });
  if (cutOff.value && !on) return t("phone.notice.cut");
  if (on && line.value === "lost") return t("phone.notice.line");
  if (microphone.value && still.value && !muted.value && holding.value === "no") return t("phone.notice.still");
  if (sounds.value?.grade === "poor") return t("phone.notice.poor");
  const gone = microphone.value && absent("microphone");
  if (gone) return t("phone.notice.other_microphone", { name: gone.label, now: nameOf(microphone.value) });
  const silent = absent("headset") ?? absent("bell");
  return silent ? t("phone.notice.other_output", { name: silent.label }) : "";
}

// The bar has room for two lines; and a name written from right to left turns nothing around that stands beside it.
const NAME_LETTERS = 14;

function short(name: string): string {
  const letters = [...name];
  return `\u2068${letters.length > NAME_LETTERS ? `${letters.slice(0, NAME_LETTERS - 1).join("")}…` : name}\u2069`;
}

/** While it rings, and again when it becomes known who it is. */
function useNotification(rings: boolean): void {
  const caller = offered.value?.caller ?? "";
  useEffect(() => {
    if (rings) showRing(t("phone.ring_title"), caller || t("phone.ring_body"));
    else hideRing();
  }, [rings, caller]);
  useEffect(() => hideRing, []);
}

/** Its place is kept while nothing is known: nothing moves when it comes. */
function Grade() {
  const grade = sounds.value?.grade ?? "none";
  return <span class={`tag grade-${grade}`}>{t("phone.line_is", { grade: tSlug("phone.grade", grade === "none" ? "good" : grade) })}</span>;
}

/** The field takes keys: a screen reader hands letters and digits on to fields alone. The buttons are for a pointer. */
function Keypad({ close }: { close: () => void }) {
  const [sent, setSent] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const press = (key: string) => {
    if (pressKey(key)) setSent((before) => (before + key).slice(-20));
  };
  return (
    <div
      class="keypad"
      role="group"
      aria-label={t("phone.keypad")}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
        else if ((KEYS as readonly string[]).includes(event.key)) press(event.key);
        else return;
        event.preventDefault();
      }}
    >
      <input
        ref={field}
        class="num"
        inputMode="none"
        autocomplete="off"
        aria-label={t("phone.keypad_sent")}
        value={sent}
        // Keys are taken above; what else comes (pasted words) is no key.
        onInput={(event) => {
          event.currentTarget.value = sent;
        }}
      />
      {KEYS.map((key) => (
        <button key={key} type="button" onClick={() => press(key)}>
          {key}
        </button>
      ))}
    </div>
  );
}
