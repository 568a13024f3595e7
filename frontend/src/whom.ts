/** Whom a caller can be passed on to, or who can be asked: one list, and finding somebody in it. Pure. */
import { plain } from "./reasons";

export type Kind = "agent" | "queue" | "saved" | "number";

export interface Whom {
  readonly kind: Kind;
  readonly id: string; // an agent, a queue, or a number as it is dialled
  readonly name: string;
  readonly reading: string; // kana, or another name; may be empty
  readonly note: string; // state, skills, who waits, the number
  readonly why: string; // why it cannot be chosen now; "" when it can
}

const DIGRAPHS: Record<string, string> = { きゃ: "kya", ぎゃ: "gya", しゃ: "sya", じゃ: "zya", ちゃ: "tya", ぢゃ: "zya", にゃ: "nya", ひゃ: "hya", びゃ: "bya", ぴゃ: "pya", みゃ: "mya", りゃ: "rya" };
const ROWS: readonly [string, string][] = [
  ["あいうえお", ""],
  ["かきくけこ", "k"],
  ["がぎぐげご", "g"],
  ["さしすせそ", "s"],
  ["ざじずぜぞ", "z"],
  ["たちつてと", "t"],
  ["だぢづでど", "d"],
  ["なにぬねの", "n"],
  ["はひふへほ", "h"],
  ["ばびぶべぼ", "b"],
  ["ぱぴぷぺぽ", "p"],
  ["まみむめも", "m"],
  ["らりるれろ", "r"],
];
const VOWELS = "aiueo";
const LETTERS = new Map<string, string>([
  ...ROWS.flatMap(([row, consonant]) => [...row].map((kana, at) => [kana, consonant + VOWELS[at]] as const)),
  ...([["や", "ya"], ["ゆ", "yu"], ["よ", "yo"], ["わ", "wa"], ["を", "o"], ["ん", "n"], ["ゔ", "bu"], ["ぢ", "zi"], ["づ", "zu"], ["ー", ""], ["っ", ""]] as const),
  ...Object.entries(DIGRAPHS).flatMap(([kana, latin]) =>
    ([["ゃ", "a"], ["ゅ", "u"], ["ょ", "o"]] as const).map(
      ([small, vowel]) => [kana.slice(0, 1) + small, latin.slice(0, -1) + vowel] as const,
    ),
  ),
]);

/** Latin letters as this program compares them: every way of writing the same Japanese syllables becomes one. */
function latin(text: string): string {
  return text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "") // Tōkyō
    .replace(/sh(?=[auoe])/g, "sy")
    .replace(/shi/g, "si")
    .replace(/ch(?=[auoe])/g, "ty")
    .replace(/chi/g, "ti")
    .replace(/tsu/g, "tu")
    .replace(/j(?=[auoe])/g, "zy")
    .replace(/ji|di(?=$|[^a-z])/g, "zi")
    .replace(/zyy/g, "zy")
    .replace(/fu/g, "hu")
    .replace(/n'/g, "n")
    .replace(/m(?=[bp])/g, "n") // Shimbashi
    .replace(/([a-z])\1+/g, "$1") // doubled consonants, oo, uu
    .replace(/ou/g, "o");
}

/** Kana in Latin letters, the rest as it is: "しぶや" → "sibuya". */
export function romaji(text: string): string {
  const kana = plain(text);
  let written = "";
  for (let at = 0; at < kana.length; at += 1) {
    const two = LETTERS.get(kana.slice(at, at + 2));
    if (two !== undefined) {
      written += two;
      at += 1;
    } else written += LETTERS.get(kana.charAt(at)) ?? kana.charAt(at);
  }
  return latin(written);
}

/** Digits of a number that somebody types, in any way of writing one; "" when it is none. */
export function typedNumber(query: string): string {
  const text = query.normalize("NFKC").replace(/[\u2010-\u2015\u2212\u30fc]/g, "-");
  if (!/^[+]?[\d\s().-]+$/.test(text)) return "";
  const digits = text.replace(/[^\d+]/g, "");
  return digits.replace("+", "").length >= 3 ? digits : "";
}

const ORDER: readonly Kind[] = ["agent", "queue", "saved", "number"];

/** Those in which each word of the query is found: name, reading in kana or romaji, id, or digits. Who can be chosen comes first. */
export function search(all: readonly Whom[], query: string): Whom[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const digits = typedNumber(query).replace(/^\+81/, "0");
  const matching = all.filter((one) => {
    if (digits && one.kind === "saved" && one.note.replace(/\D/g, "").includes(digits)) return true;
    const said = plain(`${one.name} ${one.reading} ${one.kind === "saved" ? "" : one.id}`);
    const sound = romaji(said);
    return words.every((word) => said.includes(word) || sound.includes(romaji(word)));
  });
  const rank = (one: Whom): number => ORDER.indexOf(one.kind) + (one.why ? ORDER.length : 0);
  return matching.map((one, at) => ({ one, at })).sort((a, b) => rank(a.one) - rank(b.one) || a.at - b.at).map(({ one }) => one);
}
