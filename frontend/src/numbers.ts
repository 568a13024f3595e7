/** Japanese telephone numbers that stand in somebody's text, in any way of writing one. Pure. */

export interface Piece {
  readonly text: string;
  readonly number: boolean;
}

const DIGIT = "[0-9０-９]";
// Between two digits: hyphens as keyboards and kana input write them, brackets, one blank.
const GAP = "[-‐‑‒–—―−－ー()（）. ]{0,2}";
const of = (digit: string): string => `[${digit}${digit.replace(/[0-9]/g, (one) => String.fromCharCode(one.charCodeAt(0) + 0xfee0))}]`;
const run = (count: string): string => `(?:${GAP}${DIGIT}){${count}}`;
const NOT_ZERO = "[1-9１-９]";
const ZERO = of("0");
const MOBILE = `${ZERO}${GAP}[5-9５-９]${GAP}${ZERO}`;
// +81 and nine or ten digits; 0x0 and eight (mobile, 050, 0800); else ten digits in all (an area code, 0120).
const NUMBER = `(?:[+＋]${of("8")}${GAP}${of("1")}${GAP}${NOT_ZERO}${run("8,9")}|${MOBILE}${run("8")}|(?!${MOBILE})${ZERO}${GAP}${NOT_ZERO}${run("8")})`;
// Part of a longer row of digits, or of a word, is somebody's booking or bill; before "…" it is cut off.
const BEFORE = `(?<![\\p{N}A-Za-z+＋]|\\p{N}[-‐‑‒–—―−－/／.:：]|[A-Za-z][-‐‑‒–—―−－])`;
const AFTER = `(?![\\p{N}A-Za-z…]|[-‐‑‒–—―−－/／.:：]\\p{N})`;
const IN_TEXT = new RegExp(`${BEFORE}[(（]?${NUMBER}${AFTER}`, "gu");

/** The text, cut where numbers begin and end; joined again it is the same. */
export function numbersIn(text: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const found of text.matchAll(IN_TEXT)) {
    if (found.index > at) pieces.push({ text: text.slice(at, found.index), number: false });
    pieces.push({ text: found[0], number: true });
    at = found.index + found[0].length;
  }
  if (at < text.length || pieces.length === 0) pieces.push({ text: text.slice(at), number: false });
  return pieces;
}
