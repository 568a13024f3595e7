import { describe, expect, it } from "vitest";
import { choices, found } from "./reasons";
import type { ReasonBody } from "./wire";

const one = (id: string, parent: string | null, name_ja: string, name_en: string, words = ""): ReasonBody => ({
  id, parent, name_ja, name_en, words,
});
const tree = [
  one("car", null, "車両", "The car"),
  one("unlock", "car", "解錠できない", "Will not unlock", "かいじょう アンロック"),
  one("puncture", "car", "パンク", "Puncture"),
  one("other", null, "その他", "Something else"),
];
const all = choices(tree, (reason) => reason.name_ja);
const ids = (query: string): string[] => found(all, tree, query).map((choice) => choice.id);

describe("reasons", () => {
  it("that can be chosen are those with none below them, with the names above", () => {
    expect(all.map((choice) => [choice.id, choice.path])).toEqual([
      ["unlock", ["車両"]],
      ["puncture", ["車両"]],
      ["other", []],
    ]);
  });

  it("are found by either language, either kana, any width and what stands above", () => {
    expect(ids("")).toEqual(["unlock", "puncture", "other"]);
    expect(ids("アンロック")).toEqual(["unlock"]);
    expect(ids("ｱﾝﾛｯｸ")).toEqual(["unlock"]);
    expect(ids("カイジョウ")).toEqual(["unlock"]);
    expect(ids("ＵＮＬＯＣＫ")).toEqual(["unlock"]);
    expect(ids("車両 ぱんく")).toEqual(["puncture"]);
    expect(ids("car")).toEqual(["unlock", "puncture"]);
    expect(ids("のりもの")).toEqual([]);
  });
});
