import { useState } from "preact/hooks";
import { langOf, t } from "../i18n";
import { numbersIn } from "../numbers";
import { Dialled } from "./dial";

// Two lines of the narrowest column. Longer ones are mistakes or attacks, and must not push the rest off the screen.
const LIMIT = 80;

/**
 * Somebody else's text, in its own direction. A very long one is folded; nothing of it is lost.
 * Telephone numbers in it can be clicked, except in what is a number of something else (`plain`: bookings, plates).
 */
export function Text({ text, limit = LIMIT, plain = false }: { text: string; limit?: number; plain?: boolean }) {
  const [open, setOpen] = useState(false);
  const letters = Array.from(text);
  const said = (shown: string) => (plain ? shown : withNumbers(shown));
  const lang = langOf(text);
  if (letters.length <= limit) return <bdi lang={lang}>{said(text)}</bdi>;
  return (
    <>
      <bdi lang={lang}>{said(open ? text : `${letters.slice(0, limit).join("")}…`)}</bdi>{" "}
      <button type="button" class="link more" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t(open ? "text.less" : "text.more")}
      </button>
    </>
  );
}

/** Between a name and what stands beside it: the eye sees the gap, a screen reader glues the two together. */
export const Pause = () => <span class="visually-hidden">{t("list.comma")}</span>;

const withNumbers = (text: string) =>
  numbersIn(text).map((piece, at) => (piece.number ? <Dialled key={at} number={piece.text} text={piece.text} /> : piece.text));
