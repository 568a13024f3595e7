/** Orders of offer, update, withdraw, transfer and reconnect, with everything that a line does to them; drawn by fast-check. */
import fc from "fast-check";
import { CALLS, type Freshness, type PartName, PARTS } from "./playedfacts";

/** One thing that happens to the server, to the agent, or to the line. */
export type Step =
  | { readonly do: "offer"; readonly call: number; readonly asked: boolean }
  | { readonly do: "look-up"; readonly parts: readonly PartName[]; readonly status: Freshness; readonly late: boolean }
  | { readonly do: "withdraw" | "answer" | "hold" | "hand over" | "end" | "close" | "finish" | "phone" }
  | { readonly do: "deliver"; readonly frames: number }
  | { readonly do: "lose" | "swap" | "again" | "reconnect" | "resync" | "restart" }
  | { readonly do: "stray"; readonly of: number; readonly what: "update" | "withdraw" | "answered" | "ended" };

const call = fc.integer({ min: 0, max: CALLS - 1 });
const freshness = fc.constantFrom<Freshness>("live", "stale", "unavailable");
const plain = <K extends "withdraw" | "answer" | "hold" | "hand over" | "end" | "close" | "finish" | "phone">(one: K) =>
  fc.constant<Step>({ do: one });
const fault = <K extends "lose" | "swap" | "again" | "reconnect" | "resync" | "restart">(one: K) => fc.constant<Step>({ do: one });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("offer" as const), call, asked: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("look-up" as const),
      parts: fc.subarray([...PARTS], { minLength: 1 }),
      status: freshness,
      late: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: plain("withdraw") },
  { weight: 4, arbitrary: plain("answer") },
  { weight: 2, arbitrary: plain("hold") },
  { weight: 2, arbitrary: plain("hand over") },
  { weight: 3, arbitrary: plain("end") },
  { weight: 2, arbitrary: plain("close") },
  { weight: 3, arbitrary: plain("finish") },
  { weight: 1, arbitrary: plain("phone") },
  { weight: 14, arbitrary: fc.record({ do: fc.constant("deliver" as const), frames: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fault("lose") },
  { weight: 2, arbitrary: fault("swap") },
  { weight: 3, arbitrary: fault("again") },
  { weight: 2, arbitrary: fault("reconnect") },
  { weight: 1, arbitrary: fault("resync") },
  { weight: 1, arbitrary: fault("restart") },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("stray" as const),
      of: call,
      what: fc.constantFrom("update" as const, "withdraw" as const, "answered" as const, "ended" as const),
    }),
  },
);

export const orders = fc.array(step, { minLength: 1, maxLength: 40, size: "max" });
