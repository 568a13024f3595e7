/** Texts in Japanese and English from the catalogues, numbers and times as each language writes them. */
import { computed, signal } from "@preact/signals";
import en from "./catalogue/en.json";
import ja from "./catalogue/ja.json";

export type Language = "ja" | "en";
export type Key = keyof typeof ja;

const catalogues: Record<Language, Record<Key, string>> = { ja, en };
const STORED = "kakehashi.language";

function initial(): Language {
  const stored = localStorage.getItem(STORED);
  if (stored === "ja" || stored === "en") return stored;
  return navigator.language.startsWith("ja") || !navigator.language ? "ja" : "en";
}

export const language = signal<Language>(initial());
export const timeZone = signal<string>("Asia/Tokyo");

export function choose(next: Language): void {
  language.value = next;
  localStorage.setItem(STORED, next);
  document.documentElement.lang = next;
}

/** The text of a key, `{name}` filled from `values`. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return catalogues[language.value][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a key made from a slug the server sent; the slug itself when the catalogue does not know it. */
export function tSlug(prefix: string, slug: string): string {
  const key = `${prefix}.${slug}`;
  return key in ja ? t(key as Key) : slug;
}

/** The name of something that has one in each language. */
export function named(thing: { name_ja: string; name_en: string }): string {
  return language.value === "ja" ? thing.name_ja : thing.name_en;
}

const locale = computed(() => (language.value === "ja" ? "ja-JP" : "en-GB"));
const clock = computed(
  () => new Intl.DateTimeFormat(locale.value, { hour: "2-digit", minute: "2-digit", timeZone: timeZone.value }),
);
const day = computed(
  () =>
    new Intl.DateTimeFormat(locale.value, {
      month: "short",
      day: "numeric",
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      timeZone: timeZone.value,
    }),
);

export const timeOfDay = (at: string): string => clock.value.format(new Date(at));
export const dateAndTime = (at: string): string => day.value.format(new Date(at));

/** Seconds as people read them on a phone: 0:07, 12:34, 1:02:03. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}
