/** Why an erasure left a call alone, out of the server's own words for it (cti/domain/keeping.py). Pure. */

export type Left =
  | { readonly kind: "live" }
  | { readonly kind: "held"; readonly by: string; readonly until: string | null }
  | { readonly kind: "said"; readonly text: string }; // words of another version

const HELD = /^held by (.+?) (?:until (\d{4}-\d\d-\d\dT[\d:+.Z-]+)|until it is released)$/;

/** One for each hold that counted. */
export function leftBecause(said: string): Left[] {
  if (said === "the call goes on") return [{ kind: "live" }];
  return said.split("; ").map((part) => {
    const found = HELD.exec(part);
    if (!found || (found[2] !== undefined && Number.isNaN(Date.parse(found[2])))) return { kind: "said", text: part };
    return { kind: "held", by: found[1] ?? "", until: found[2] ?? null };
  });
}
