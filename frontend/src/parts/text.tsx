import { useState } from "preact/hooks";
import { t } from "../i18n";

// Two lines of the narrowest column. Longer ones are mistakes or attacks, and must not push the rest off the screen.
const LIMIT = 80;

/** Somebody else's text, in its own direction. A very long one is folded; nothing of it is lost. */
export function Text({ text, limit = LIMIT }: { text: string; limit?: number }) {
  const [open, setOpen] = useState(false);
  const letters = Array.from(text);
  if (letters.length <= limit) return <bdi>{text}</bdi>;
  return (
    <>
      <bdi>{open ? text : `${letters.slice(0, limit).join("")}…`}</bdi>{" "}
      <button type="button" class="link more" aria-expanded={open} onClick={() => setOpen(!open)}>
        {t(open ? "text.less" : "text.more")}
      </button>
    </>
  );
}
