import { expect, test } from "vitest";
import { callOf, fromTrailAddress, loginMeant, toTrailAddress, toTrailQuery } from "./trailsearch";

test("a search stands in the address and comes out of it again; what cannot be is left out", () => {
  const search = { who: "渡辺", what: "recording.listen", which: "a b", since: "2026-11-01", until: "2026-11-02" };
  expect(fromTrailAddress(toTrailAddress(search))).toEqual(search);
  expect(fromTrailAddress("who=&what=recording.xyz&since=yesterday&until=2026-11-2&else=1")).toEqual({});
  expect(fromTrailAddress(`who=${"x".repeat(201)}`)).toEqual({});
  expect(toTrailAddress({})).toBe("");
});

test("days are the desk's own, the last one whole", () => {
  expect(toTrailQuery({ who: "mori", since: "2026-11-01", until: "2026-11-01" }, "Asia/Tokyo", 7)).toEqual({
    who: "mori",
    since: "2026-10-31T15:00:00.000Z",
    until: "2026-11-01T15:00:00.000Z",
    before: "7",
  });
  expect(toTrailQuery({}, "Asia/Tokyo", null)).toEqual({});
});

test("who types a name means that person's log-in", () => {
  const people = [
    { login: "mori", name: "森 圭" },
    { login: "森", name: "mori" },
  ];
  expect(loginMeant(" 森 圭 ", people)).toBe("mori");
  expect(loginMeant("mori", people)).toBe("mori"); // a log-in comes first
  expect(loginMeant("retention", people)).toBe("retention");
});

test("an entry leads to its call only where it is about one", () => {
  const which = "00000000-0000-4000-8000-000000000001";
  expect(callOf({ what: "recording.held", which })).toBe(which);
  expect(callOf({ what: "person.erased", which })).toBeNull();
  expect(callOf({ what: "recording.held", which: "x" })).toBeNull();
});
