// TypeScript types from the server's own schema: what the two sides say to each other has one source.
import { readFile, writeFile } from "node:fs/promises";
import { compile } from "json-schema-to-typescript";

const schema = JSON.parse(await readFile(new URL("../src/schema/kakehashi.json", import.meta.url), "utf8"));
// The roots are a table of names, not one object that travels: every one of them exists.
schema.required = Object.keys(schema.properties);
const text = await compile(schema, "Wire", {
  additionalProperties: false,
  bannerComment: "// Made by `npm run types` from schema/kakehashi.json. Do not edit.",
  declareExternallyReferenced: true,
  unreachableDefinitions: true,
});
await writeFile(new URL("../src/wire.ts", import.meta.url), text);
