/** The phone in the page: one line above every page, of the same height whatever happens. */
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { useKeys } from "../keys";
import { may, lineTable } from "../softphone/machine";
import { answer, call, hangUp, line, muted, pressKey, setMuted, tryAgain } from "../softphone/softphone";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"] as const;
// A person has to do something about these; the others pass by themselves.
const MENDED_BY_HAND = ["no_microphone", "microphone_refused", "microphone_busy", "refused"];

export function PhoneBar() {
  return line.value === "off" ? null : <Bar />;
}

function Bar() {
  const [keypad, setKeypad] = useState(false);
  const on = call.value;
  const talking = on === "talking";
  useEffect(() => {
    if (!talking) setKeypad(false);
  }, [talking]);
  const flip = () => talking && setKeypad(!keypad);
  useKeys([
    { key: "F2", does: "keys.phone_answer", run: answer },
    { key: "F8", does: "keys.phone_mute", run: () => talking && setMuted(!muted.value) },
    { key: "F9", does: "keys.phone_hang_up", run: hangUp },
    { key: "k", does: "keys.phone_keypad", run: flip },
  ]);
  const troubled = on === "none" && MENDED_BY_HAND.includes(line.value);
  return (
    <section class={`phone-bar phone-bar-${troubled ? "trouble" : on}`} aria-label={t("phone.title")}>
      <p class="phone-says" role="status">
        {on === "none" ? t(`phone.line.${line.value}`) : t(`phone.call.${on}`)}
        {on === "talking" && muted.value && <strong> {t("phone.muted")}</strong>}
      </p>
      <div class="choices">
        {troubled && may(lineTable, line.value, "again") && (
          <button type="button" onClick={tryAgain}>
            {t("retry")}
          </button>
        )}
        <button type="button" class="primary" disabled={on !== "ringing"} onClick={answer}>
          {t("phone.answer")} <kbd>F2</kbd>
        </button>
        <button type="button" disabled={on === "none" || on === "ending"} onClick={hangUp}>
          {t(on === "ringing" ? "phone.decline" : "phone.hang_up")} <kbd>F9</kbd>
        </button>
        <button type="button" disabled={!talking} aria-pressed={muted.value} onClick={() => setMuted(!muted.value)}>
          {t("phone.mute")} <kbd>F8</kbd>
        </button>
        <button type="button" disabled={!talking} aria-expanded={keypad} onClick={flip}>
          {t("phone.keypad")}
        </button>
      </div>
      {keypad && <Keypad close={() => setKeypad(false)} />}
    </section>
  );
}

function Keypad({ close }: { close: () => void }) {
  const [sent, setSent] = useState("");
  const press = (key: string) => {
    pressKey(key);
    setSent((before) => (before + key).slice(-20));
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
      <output class="num">{sent || "–"}</output>
      {KEYS.map((key, n) => (
        <button key={key} type="button" ref={(made) => (n === 0 && sent === "" ? made?.focus() : undefined)} onClick={() => press(key)}>
          {key}
        </button>
      ))}
    </div>
  );
}
