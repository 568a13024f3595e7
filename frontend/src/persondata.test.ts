import { expect, test } from "vitest";
import { leftBecause } from "./heldwords";
import { confirms, fileName, kindsOf, knowsNothing, numbersTyped, requestOf } from "./persondata";

test("several numbers, each with its own blanks, each once", () => {
  expect(numbersTyped("090 1234 5678、03-6666-0100\n\n090 1234 5678,+81 3")).toEqual(["090 1234 5678", "03-6666-0100", "+81 3"]);
  expect(requestOf(" ", " M-1 ", " D-17 ")).toEqual({ numbers: [], member_id: "M-1", reference: "D-17" });
  expect(requestOf("110", "  ", "x").member_id).toBeNull();
});

test("an erasure is confirmed by the very number of the request", () => {
  expect(confirms(" Ｄ-17 ", "D-17")).toBe(true);
  expect(confirms("D-18", "D-17")).toBe(false);
  expect(confirms("", " ")).toBe(false);
});

test("the file has a name that every system takes", () => {
  expect(fileName("D-17")).toBe("disclosure-D-17.zip");
  expect(fileName("../開示 17/..")).toBe("disclosure-開示-17.zip");
  expect(fileName("///")).toBe("disclosure.zip");
});

test("kinds with nothing stand last, and calls are no kind", () => {
  expect(kindsOf({ calls: 3, live: 0, held: 1, callbacks: 0, notes: 2 })).toEqual([["notes", 2], ["callbacks", 0]]);
  expect(knowsNothing({ calls: 0, notes: 0 })).toBe(true);
  expect(knowsNothing({ calls: 0, searches: 1 })).toBe(false);
});

test("why a call was left alone is read out of the report; what is not known is shown as it is", () => {
  expect(leftBecause("the call goes on")).toEqual([{ kind: "live" }]);
  expect(leftBecause("held by hogo until 2026-12-24T15:00+00:00; held by mori until it is released")).toEqual([
    { kind: "held", by: "hogo", until: "2026-12-24T15:00+00:00" },
    { kind: "held", by: "mori", until: null },
  ]);
  expect(leftBecause("held by hogo until whenever")).toEqual([{ kind: "said", text: "held by hogo until whenever" }]);
});
