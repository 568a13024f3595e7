import fc from "fast-check";
import { expect, test } from "vitest";
import { romaji, search, typedNumber, type Whom } from "./whom";

const one = (kind: Whom["kind"], id: string, name: string, reading = "", more: Partial<Whom> = {}): Whom => ({
  kind,
  id,
  name,
  reading,
  note: "",
  why: "",
  ...more,
});
const ALL = [
  one("agent", "suzuki", "鈴木 一郎", "スズキ イチロウ"),
  one("agent", "tanaka", "田中 美咲", "タナカ ミサキ", { why: "busy" }),
  one("queue", "roadside", "車両トラブル", "Roadside help"),
  one("saved", "+81334980110", "渋谷警察署", "しぶやけいさつしょ", { note: "03-3498-0110" }),
  one("saved", "+81364581234", "東京レッカー", "とうきょうれっかー", { note: "03-6458-1234" }),
];
const ids = (query: string): string[] => search(ALL, query).map((found) => found.name);

test.each([
  ["鈴木", "鈴木 一郎"],
  ["すずき", "鈴木 一郎"],
  ["ｽｽﾞｷ", "鈴木 一郎"],
  ["SUZUKI", "鈴木 一郎"],
  ["ichiro", "鈴木 一郎"],
  ["itirou", "鈴木 一郎"],
  ["たなか みさき", "田中 美咲"],
  ["roadside", "車両トラブル"],
  ["車両", "車両トラブル"],
  ["しぶや", "渋谷警察署"],
  ["shibuya", "渋谷警察署"],
  ["keisatsusho", "渋谷警察署"],
  ["sibuyakeisatusyo", "渋谷警察署"],
  ["tokyo rekka", "東京レッカー"],
  ["Tōkyō", "東京レッカー"],
  ["03-3498", "渋谷警察署"],
  ["０３３４９８", "渋谷警察署"],
  ["+81 3 3498", "渋谷警察署"],
])("%s finds %s alone", (query, name) => {
  expect(ids(query)).toEqual([name]);
});

test("who can be chosen stands first, then agents, queues, saved numbers, each in their own order", () => {
  expect(ids("")).toEqual(["鈴木 一郎", "車両トラブル", "渋谷警察署", "東京レッカー", "田中 美咲"]);
  expect(ids("nobody")).toEqual([]);
});

test("a typed number is one however it is written, and a name is none", () => {
  expect(typedNumber("０９０ー１２３４ー５６７８")).toBe("09012345678");
  expect(typedNumber("(03) 3498-0110")).toBe("0334980110");
  expect(typedNumber("+81 90-1234-5678")).toBe("+819012345678");
  expect(typedNumber("110")).toBe("110");
  for (const none of ["", "12", "渋谷1234", "abc", "1a2b3c"]) expect(typedNumber(none)).toBe("");
});

test("any text is searched without an error, and what is found was there", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (query) => {
      const found = search(ALL, query);
      expect(found.every((each) => ALL.includes(each))).toBe(true);
      expect(new Set(found).size).toBe(found.length);
      expect(typeof romaji(query)).toBe("string");
    }),
  );
});
