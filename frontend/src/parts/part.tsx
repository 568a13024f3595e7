/** One part of the caller's card: how fresh it is, and what is in it, in a place whose size does not depend on it. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { afterPaint } from "../afterpaint";
import { t, timeOfDay } from "../i18n";

type Status = "pending" | "live" | "stale" | "unavailable";

export interface PartProps {
  readonly title: string;
  readonly status: Status;
  readonly asOf: string | null;
  readonly count: number;
  readonly wide?: boolean; // a row of its own
  readonly children: ComponentChildren;
}

export function Part({ title, status, asOf, count, wide = false, children }: PartProps) {
  return (
    <section
      class={`part part-${status}${wide ? " part-wide" : ""}`}
      aria-busy={status === "pending"}
      aria-label={title}
      tabIndex={0}
    >
      <h3>
        <span>
          {title}
          {count > 1 && <small>{` ${count}`}</small>}
        </span>
        {/* Another word is another element: one that is changed in place begins elsewhere, and counts as moved. */}
        <span key={status} class={`freshness freshness-${status}`}>
          {t(`fresh.${status}`)}
          {status === "stale" && asOf && ` ${timeOfDay(asOf)}`}
        </span>
      </h3>
      {status === "unavailable" && count === 0 && <p class="note">{t("fresh.unavailable_what")}</p>}
      {(status === "live" || status === "stale") && count === 0 && <p class="note">{t("pop.nothing")}</p>}
      {children}
    </section>
  );
}

// A card is 120 to 300 px high, its list's place 270 on a usual screen: what more is seen on a large one comes two frames later.
const SEEN = 3;

/**
 * A list, or nothing at all: an empty list is read out as one. What is seen of it is drawn first, the others when that
 * is painted: 24 drivers of one company must not put off the ring.
 */
export function Cards<Item>({ items, draw }: { items: readonly Item[]; draw: (item: Item) => ComponentChildren }) {
  const [whole, setWhole] = useState(false);
  const long = items.length > SEEN;
  useEffect(() => (long && !whole ? afterPaint(() => setWhole(true)) : undefined), [long, whole]);
  if (items.length === 0) return null;
  return <ul class="cards">{(whole ? items : items.slice(0, SEEN)).map(draw)}</ul>;
}

export const joined = (...texts: (string | null | undefined)[]): string => texts.filter(Boolean).join(" · ");

/** Keys beyond the contract's first ones come as they come (docs/linking.md). */
export function textOf(record: Record<string, unknown>, key: string): string {
  const value = record[key];
  return typeof value === "string" ? value : "";
}
