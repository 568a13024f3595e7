import fc from "fast-check";
import { expect, it } from "vitest";
import { numbersIn } from "./numbers";

const found = (text: string): string[] => numbersIn(text).filter((piece) => piece.number).map((piece) => piece.text);

it.each([
  ["090-1234-5678", "090-1234-5678"],
  ["携帯09012345678まで", "09012345678"],
  ["東京レッカー（03-6458-1234）へ", "（03-6458-1234"],
  ["(03)6458-1234", "(03)6458-1234"],
  ["０９０－１２３４－５６７８", "０９０－１２３４－５６７８"],
  ["090ー1234ー5678に折り返し", "090ー1234ー5678"],
  ["call +81 90-1234-5678 back", "+81 90-1234-5678"],
  ["0120-345-678", "0120-345-678"],
  ["0800-123-4567", "0800-123-4567"],
  ["22 090 1234 5678 2名", "090 1234 5678"],
])("finds the number in %j", (text, number) => {
  expect(found(text)).toEqual([number]);
});

it.each([
  "2026-11-22 10:15",
  "R-0912345678",
  "120901234567812",
  "A09012345678",
  "110",
  "0-1",
  "090-1234-567…",
  "2025/09/01 1234567890",
  "fuel 090 %",
])("finds none in %j", (text) => {
  expect(found(text)).toEqual([]);
});

it("finds several, and keeps every sign of the text", () => {
  expect(found("03-1234-5678、または 080-1111-2222。")).toEqual(["03-1234-5678", "080-1111-2222"]);
  const signs = fc.array(fc.oneof(fc.constantFrom("0", "9", "０", "-", "ー", " ", "+81", "(", "。", "x"), fc.string({ maxLength: 3 })));
  fc.assert(
    fc.property(signs, (some) => {
      const text = some.join("");
      const pieces = numbersIn(text);
      expect(pieces.map((piece) => piece.text).join("")).toBe(text);
      for (const piece of pieces.filter((one) => one.number)) {
        const digits = piece.text.normalize("NFKC").replace(/\D/g, "");
        expect([10, 11, 12]).toContain(digits.length);
      }
    }),
  );
});

it("is done with 4,000 digits and blanks at once", () => {
  const began = Date.now();
  numbersIn("0 9".repeat(4000));
  numbersIn("0".repeat(4000));
  expect(Date.now() - began).toBeLessThan(10_000);
});
