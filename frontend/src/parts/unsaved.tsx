/** One's own words that the server does not take: nothing is thrown away before their owner has seen it. */
import { useState } from "preact/hooks";
import { discard, reasons, type Unsaved, unsaved } from "../aftercall";
import { dateAndTime, named, t } from "../i18n";
import { refusalText } from "./problem";
import { Text } from "./text";

/** Nothing is shown, and no place kept, on the days when all is well. */
export function UnsavedNotes() {
  const notes = unsaved.value;
  if (notes.length === 0) return null;
  return (
    <section class="panel unsaved" aria-labelledby="unsaved">
      <h2 id="unsaved">{t("unsaved.title")}</h2>
      <ul class="cards">
        {notes.map((one) => (
          <Line key={one.callId} note={one} />
        ))}
      </ul>
    </section>
  );
}

function Line({ note }: { note: Unsaved }) {
  const [copied, setCopied] = useState(false);
  const at = dateAndTime(new Date(note.at).toISOString());
  const names = note.reasons.map((id) => {
    const known = reasons.value.find((one) => one.id === id);
    return known ? named(known) : id;
  });
  const copy = () => {
    navigator.clipboard?.writeText(note.note).then(
      () => setCopied(true),
      () => undefined, // the words stand there to be marked by hand
    );
  };
  return (
    <li>
      <p class="note">
        {at} {note.refusal === null ? t("unsaved.changed") : refusalText(note.refusal)}
      </p>
      <p class="written-note">
        <Text text={[note.note, ...names].filter(Boolean).join("\n") || "–"} limit={400} />
      </p>
      <p class="choices">
        <button type="button" class="small" aria-label={copied ? undefined : t("unsaved.copy_of", { at })} onClick={copy}>
          {t(copied ? "unsaved.copied" : "unsaved.copy")}
        </button>
        <button type="button" class="small" aria-label={t("unsaved.discard_of", { at })} onClick={() => discard(note.callId)}>
          {t("unsaved.discard")}
        </button>
      </p>
    </li>
  );
}
