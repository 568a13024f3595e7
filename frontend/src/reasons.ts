/** The desk's tree of reasons: what can be chosen, and finding it. Pure. */
import type { ReasonBody } from "./wire";

export interface Choice {
  readonly id: string;
  readonly name: string;
  readonly path: readonly string[]; // names of all above it, topmost first
}

/** Wide and narrow letters, capitals and the two kana are the same to somebody who searches. */
export const plain = (text: string): string =>
  text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\u30a1-\u30f6]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 0x60));

/** What can be chosen, in the order of the desk file: reasons that have none below them. */
export function choices(tree: readonly ReasonBody[], name: (one: ReasonBody) => string): Choice[] {
  const byId = new Map(tree.map((one) => [one.id, one]));
  const parents = new Set(tree.map((one) => one.parent));
  return tree
    .filter((one) => !parents.has(one.id))
    .map((one) => {
      const path: string[] = [];
      for (let at = one.parent; at !== null; at = byId.get(at)?.parent ?? null) path.unshift(name(byId.get(at) ?? one));
      return { id: one.id, name: name(one), path };
    });
}

/** Those in which every word of the query is found: in a name of either language, a name above, or the extra words. */
export function found(all: readonly Choice[], tree: readonly ReasonBody[], query: string): Choice[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const byId = new Map(tree.map((one) => [one.id, one]));
  const text = (id: string): string => {
    const said: string[] = [];
    for (let one = byId.get(id); one; one = one.parent === null ? undefined : byId.get(one.parent)) {
      said.push(one.id, one.name_ja, one.name_en, one.words);
    }
    return plain(said.join(" "));
  };
  return all.filter((one) => {
    const said = text(one.id);
    return words.every((word) => said.includes(word));
  });
}
