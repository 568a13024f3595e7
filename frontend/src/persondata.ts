/** What is asked about a person, as it is typed. Pure. */
import type { PersonRequest } from "./wire";

/** Numbers as people write several: a line each, or with commas. A blank stands inside a number. */
export const numbersTyped = (typed: string): string[] => [...new Set(typed.split(/[\n,、，;；]+/).map((one) => one.trim()).filter(Boolean))];

export function requestOf(numbers: string, member: string, reference: string): PersonRequest {
  // More than the server takes are refused there, by name.
  return { numbers: numbersTyped(numbers) as PersonRequest["numbers"] & string[], member_id: member.trim() || null, reference: reference.trim() };
}

/** Whether somebody confirmed with the very words: full width and blanks around them are no other words. */
export const confirms = (typed: string, reference: string): boolean =>
  typed.normalize("NFKC").trim() === reference.normalize("NFKC").trim() && reference.trim() !== "";

/** A file's name that every system takes, with the desk's own number of the request in it. */
export const fileName = (reference: string): string => {
  const safe = reference.normalize("NFKC").replace(/[^\p{L}\p{N}_-]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60);
  return `disclosure${safe && `-${safe}`}.zip`;
};

// Not kinds of data: how many calls there are, and what of them is left.
const OF_CALLS = new Set(["calls", "live", "held"]);

/** Kinds of data with how many there are of each, those with none last. */
export function kindsOf(counts: Readonly<Record<string, number>>): [string, number][] {
  const kinds = Object.entries(counts).filter(([name]) => !OF_CALLS.has(name));
  return [...kinds.filter(([, n]) => n > 0), ...kinds.filter(([, n]) => n === 0)];
}

/** Whether anything at all is known. */
export const knowsNothing = (counts: Readonly<Record<string, number>>): boolean => Object.values(counts).every((n) => n === 0);
