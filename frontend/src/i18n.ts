/** Texts in Japanese and English from the catalogues, numbers and times as each language writes them. */
import { computed, signal } from "@preact/signals";
import en from "./catalogue/en.json";
import ja from "./catalogue/ja.json";
import { sameDay } from "./times";

export { duration } from "./times";

export type Language = "ja" | "en";
export type Key = keyof typeof ja;

const catalogues: Record<Language, Record<Key, string>> = { ja, en };
const STORED = "kakehashi.language";

function stored(): Language | null {
  const value = localStorage.getItem(STORED);
  return value === "ja" || value === "en" ? value : null;
}

export const language = signal<Language>(
  stored() ?? (navigator.language.startsWith("ja") || !navigator.language ? "ja" : "en"),
);
export const timeZone = signal<string>("Asia/Tokyo");

export function choose(next: Language): void {
  language.value = next;
  localStorage.setItem(STORED, next);
  document.documentElement.lang = next;
}

/** Another tab chose: this one follows. */
addEventListener("storage", (event) => {
  const other = event.key === STORED ? stored() : null;
  if (other && other !== language.value) choose(other);
});

/** The text of a key, `{name}` filled from `values`. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return catalogues[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a key made from a slug the server sent; `otherwise`, or the slug itself, when nobody has written one. */
export function tSlug(prefix: string, slug: string, otherwise = slug): string {
  const key = `${prefix}.${slug}`;
  return Object.hasOwn(ja, key) ? t(key as Key) : otherwise;
}

/** The name of something that has one in each language. */
export function named(thing: { name_ja: string; name_en: string }): string {
  return language.value === "ja" ? thing.name_ja : thing.name_en;
}

const JAPANESE = /[\u3041-\u30ff\u3400-\u9fff]/;

/** The language of somebody else's words where it is not the page's: an English voice spells kanji, or leaves them out. */
export const langOf = (text: string): "ja" | undefined => (language.value !== "ja" && JAPANESE.test(text) ? "ja" : undefined);

const locale = computed(() => (language.value === "ja" ? "ja-JP" : "en-GB"));

function format(options: Intl.DateTimeFormatOptions) {
  const made = computed(() => new Intl.DateTimeFormat(locale.value, { ...options, timeZone: timeZone.value }));
  return (at: string): string => made.value.format(new Date(at));
}

/** 07:45 */
export const timeOfDay = format({ hour: "2-digit", minute: "2-digit" });
const day = format({ month: "short", day: "numeric", weekday: "short" });
/** 11月22日(日) 07:45 */
export const dateAndTime = (at: string): string => `${day(at)} ${timeOfDay(at)}`;

const year = format({ year: "numeric" });
const dayOfYear = format({ year: "numeric", month: "short", day: "numeric", weekday: "short" });
/** A day, with its year where that is not this one: what is kept may be kept for years. */
export const dated = (at: string, nowMs: number): string =>
  year(at) === year(new Date(nowMs).toISOString()) ? day(at) : dayOfYear(at);
/** The same with the time; today's without the day. */
export const datedTime = (at: string, nowMs: number): string =>
  sameDay(at, nowMs, timeZone.value) ? t("time.today", { time: timeOfDay(at) }) : `${dated(at, nowMs)} ${timeOfDay(at)}`;

/** A day in words next to now: today's goes without its date. `nowMs` is the server's clock. */
export function dayAndTime(at: string, nowMs: number): string {
  return sameDay(at, nowMs, timeZone.value) ? t("time.today", { time: timeOfDay(at) }) : dateAndTime(at);
}

/** From … to …, the day said once where it is one. */
export function span(from: string, to: string, nowMs: number): string {
  const end = sameDay(from, to, timeZone.value) ? timeOfDay(to) : dayAndTime(to, nowMs);
  return `${dayAndTime(from, nowMs)} – ${end}`;
}
