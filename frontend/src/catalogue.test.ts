import { expect, it } from "vitest";
import en from "./catalogue/en.json";
import ja from "./catalogue/ja.json";
import enText from "./catalogue/en.json?raw";
import jaText from "./catalogue/ja.json?raw";

const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

it("has every text in both languages, with the same blanks", () => {
  expect(Object.keys(en)).toEqual(Object.keys(ja));
  for (const [key, text] of Object.entries(ja)) {
    expect(text.trim(), key).not.toBe("");
    expect(en[key as keyof typeof en].trim(), key).not.toBe("");
    expect(blanks(en[key as keyof typeof en]), key).toEqual(blanks(text));
  }
});

it("gives a key one text: of two the later one would win without a word", () => {
  for (const [file, catalogue] of [[jaText, ja], [enText, en]] as const)
    expect(file.match(/^ {2}"[^"]+":/gm)?.length).toBe(Object.keys(catalogue).length);
});

/** In ems: a Japanese letter is one wide, others about half. */
const width = (text: string): number => [...text].reduce((sum, letter) => sum + (/[\u3000-\u9fff\uff00-\uff60]/.test(letter) ? 1 : 0.53), 0);

it("says how the phone is in two lines of its bar at 1366 pixels: a third would move the page below", () => {
  const TWO_LINES = 66;
  for (const catalogue of [ja, en])
    for (const [key, text] of Object.entries(catalogue))
      if (/^phone\.(line|notice|muted)/.test(key)) expect(width(text), key).toBeLessThan(TWO_LINES);
});

it("says nothing in English that should be Japanese", () => {
  const same = Object.keys(ja).filter((key) => ja[key as keyof typeof ja] === en[key as keyof typeof en]);
  expect(same).toEqual([]);
});
