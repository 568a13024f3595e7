import { expect, it } from "vitest";
import en from "./catalogue/en.json";
import ja from "./catalogue/ja.json";

const blanks = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

it("has every text in both languages, with the same blanks", () => {
  expect(Object.keys(en)).toEqual(Object.keys(ja));
  for (const [key, text] of Object.entries(ja)) {
    expect(text.trim(), key).not.toBe("");
    expect(en[key as keyof typeof en].trim(), key).not.toBe("");
    expect(blanks(en[key as keyof typeof en]), key).toEqual(blanks(text));
  }
});

it("says nothing in English that should be Japanese", () => {
  const same = Object.keys(ja).filter((key) => ja[key as keyof typeof ja] === en[key as keyof typeof en]);
  expect(same).toEqual([]);
});
