/** What can be done with the call on the line: plain buttons, for whatever the server says is possible now. */
import { useEffect, useRef, useState } from "preact/hooks";
import { toAsk } from "../dial";
import { duration, t, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { secondsUntil } from "../now";
import { command } from "../session";
import { lineText } from "../told";
import type { LineBody, Pop, RecordingLine } from "../wire";
import { Choose, isPlain, type Wish, wishes } from "./choose";
import { useKeptFocus } from "./keptfocus";

export function TalkControls({ talk }: { talk: LineBody }) {
  const [choosing, setChoosing] = useState<Wish | null>(null);
  const [first, setFirst] = useState(""); // what the field holds at first
  const section = useRef<HTMLElement>(null);
  const opener = useRef<HTMLDivElement>(null);
  const close = () => {
    setChoosing(null);
    opener.current?.querySelector<HTMLButtonElement>('[aria-expanded="true"]')?.focus();
  };
  // What is possible has changed under the list: another step was taken, here or at the phone.
  useEffect(() => setChoosing(null), [talk.phase, talk.call_id]);
  const asked = toAsk.value;
  useEffect(() => {
    if (asked === null) return;
    toAsk.value = null;
    if (asked.callId !== talk.call_id || !talk.may.includes("consult_outside")) return;
    setFirst(asked.number);
    setChoosing("consult");
  }, [asked]);
  useKeys([{ key: "F4", does: "keys.record", run: () => askRecording(talk) }]);
  // "Hold" goes when the caller is on hold, and "Resume" is what comes next.
  useKeptFocus(section, (box) => box.querySelector<HTMLElement>("[role=group] .primary, [role=group] button"));
  if (talk.role === "second") {
    return (
      <section class="talk" aria-label={t("talk.title")} ref={section}>
        <p class="talk-phase">{lineText(talk)}</p>
        <RecordingControls line={talk.recording} />
      </section>
    );
  }
  return (
    <section class="talk" aria-label={t("talk.title")} ref={section}>
      <p class="talk-phase">{lineText(talk)}</p>
      <div class="choices" role="group" aria-label={t("talk.title")} ref={opener}>
        {talk.may
          .filter(isPlain)
          .map((wanted) => (
            <button
              key={wanted}
              type="button"
              class={wanted === "return" || wanted === "resume" ? "primary" : ""}
              onClick={() => command(wanted)}
            >
              {t(`talk.${wanted}`)}
            </button>
          ))}
        {wishes(talk.may).map((wish) => (
          <button
            key={wish}
            type="button"
            aria-expanded={choosing === wish}
            onClick={() => {
              setFirst("");
              setChoosing(choosing === wish ? null : wish);
            }}
          >
            {t(`talk.${wish}`)}
          </button>
        ))}
      </div>
      {choosing && <Choose key={`${choosing} ${first}`} wish={choosing} first={first} may={talk.may} close={close} />}
      <RecordingControls line={talk.recording} />
    </section>
  );
}

/** The key's turn: pause what runs, and have what is paused go on. */
function askRecording(talk: LineBody): void {
  const wanted = talk.recording.may[0];
  if (wanted) command(wanted);
}

/** Whether what is said now is kept. "Paused" stands here only when the server has Asterisk's proof of it. */
function RecordingControls({ line }: { line: RecordingLine }) {
  const paused = line.state !== "on";
  const group = useRef<HTMLDivElement>(null);
  useKeptFocus(group, (box) => box.querySelector("button") ?? box);
  return (
    <div
      class={paused ? "talk-record talk-record-off" : "talk-record"}
      role="group"
      aria-label={t("talk.record")}
      tabIndex={-1}
      ref={group}
    >
      <p>{t(`talk.record.${line.state}`)}</p>
      {paused && line.until && line.state !== "stopped" && <Left until={line.until} />}
      {line.may.map((wanted) => (
        <button key={wanted} type="button" class={wanted === "record_resume" ? "primary" : ""} onClick={() => command(wanted)}>
          {t(paused && wanted === "record_pause" ? "talk.record_more" : `talk.${wanted}`)}
        </button>
      ))}
    </div>
  );
}

function Left({ until }: { until: string }) {
  return (
    <span class="num" role="timer">
      {t("talk.record.left", { time: duration(secondsUntil(until)) })}
    </span>
  );
}

/** The place of the controls while there is nothing to control: what is below must not move when the call is answered. */
export function NoTalk({ phase }: { phase: Pop["phase"] }) {
  return (
    <section class="talk" aria-label={t("talk.title")}>
      <p class="talk-phase">{tSlug("phase", phase)}</p>
      <p class="choices talk-later">{phase === "ringing" ? t("talk.later") : phase === "ended" && t("talk.over")}</p>
      <div class="talk-record talk-record-later" />
    </section>
  );
}
