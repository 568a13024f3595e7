import { beforeEach, expect, it } from "vitest";
import { NOT_ANSWERED } from "./evaluation";
import { EvaluationDraft, type Means } from "./evaluationdraft";
import type { DraftRequest, EvaluationBody, EvaluationSaved } from "./wire";

const body = (version: number, note = "", answers: EvaluationBody["answers"] = {}): EvaluationBody =>
  ({ version, note, answers }) as unknown as EvaluationBody;

class Server implements Means {
  version = 1;
  note = "";
  answers: EvaluationBody["answers"] = {};
  away = false;
  got: DraftRequest[] = [];
  timers: (() => void)[] = [];
  drawn = 0;
  save = async (sent: DraftRequest): Promise<EvaluationSaved> => {
    if (this.away) throw new Error("away");
    this.got.push(sent);
    if (sent.version !== this.version) return { saved: false, evaluation: body(this.version, this.note, this.answers) };
    this.version += 1;
    return { saved: true, evaluation: body(this.version) };
  };
  passes = (): boolean => true;
  later = (work: () => void): (() => void) => {
    this.timers.push(work);
    return () => void (this.timers = this.timers.filter((one) => one !== work));
  };
  changed = (): void => void (this.drawn += 1);
  async pass(): Promise<void> {
    const due = this.timers;
    this.timers = [];
    for (const one of due) one();
    for (let n = 0; n < 10; n += 1) await Promise.resolve();
  }
}

let server: Server;
let draft: EvaluationDraft;
beforeEach(() => {
  server = new Server();
  draft = new EvaluationDraft(body(1), server);
});
const FOUR = { ...NOT_ANSWERED, value: 4 };

it("saves once for several keys, over the version it has", async () => {
  draft.answer("a", { ...NOT_ANSWERED, value: 3 });
  draft.answer("a", FOUR);
  expect(draft.state).toBe("saving");
  await server.pass();
  expect(server.got).toEqual([{ version: 1, answers: { a: FOUR }, note: "" }]);
  expect([draft.state, draft.version, draft.settled]).toEqual(["saved", 2, true]);
  draft.note("x");
  await server.pass();
  expect(server.got[1]?.version).toBe(2);
});

it("keeps what is answered while the server is away, and sends it when it is back", async () => {
  server.away = true;
  draft.answer("a", FOUR);
  await server.pass();
  expect([draft.state, draft.words.answers.a]).toEqual(["kept", FOUR]);
  server.away = false;
  await server.pass();
  expect([draft.state, server.got.length]).toEqual(["saved", 1]);
});

it("asks which of two versions is right, and overwrites nothing before", async () => {
  server.version = 5;
  server.note = "theirs";
  draft.note("mine");
  await server.pass();
  expect([draft.state, draft.theirs?.note]).toEqual(["changed", "theirs"]);
  draft.answer("a", FOUR);
  expect(await draft.flush()).toBe(false);
  expect(server.got.length).toBe(1);
  draft.choose("mine");
  await server.pass();
  expect([server.got[1]?.version, server.got[1]?.note, draft.state]).toEqual([5, "mine", "saved"]);
});

it("takes the other version when that is chosen", async () => {
  server.version = 5;
  server.note = "theirs";
  draft.note("mine");
  await server.pass();
  draft.choose("theirs");
  await server.pass();
  expect([draft.words.note, draft.version, server.got.length]).toEqual(["theirs", 5, 1]);
});

it("has everything at the server before it is submitted", async () => {
  draft.answer("a", FOUR);
  expect(await draft.flush()).toBe(true);
  expect(server.got.length).toBe(1);
});

it("says what the server will not take, and sends it no more", async () => {
  server.passes = () => false;
  server.away = true;
  draft.answer("a", FOUR);
  await server.pass();
  expect([draft.state, server.timers.length]).toEqual(["refused", 0]);
});

it("has what was answered last, also when the page is left at once", async () => {
  draft.answer("a", FOUR);
  draft.stop();
  await server.pass();
  expect([server.got.length, draft.settled]).toEqual([1, true]);
});

it("goes on trying after the page was left while the server was away", async () => {
  server.away = true;
  draft.answer("a", FOUR);
  await server.pass();
  draft.stop();
  await server.pass();
  expect(draft.settled).toBe(false);
  server.away = false;
  await server.pass();
  expect([server.got.length, draft.settled]).toEqual([1, true]);
});

it("sends once what is flushed while it changes", async () => {
  draft.answer("a", FOUR);
  const first = draft.flush();
  draft.note("x");
  await first;
  expect(await draft.flush()).toBe(true);
  await server.pass();
  expect(server.got.map((one) => one.note)).toEqual(["x"]);
});

it("does not write again what was erased at the caller's wish, and keeps the answers", async () => {
  const said = { ...FOUR, comment: "名前を二度聞いた", at_s: 3 };
  draft = new EvaluationDraft(body(1, "会員の様子", { a: said, b: FOUR }), server);
  server.version = 2;
  server.answers = { a: { ...said, comment: "" }, b: FOUR };
  draft.answer("b", { ...NOT_ANSWERED, value: 2 });
  await server.pass();
  await server.pass();
  expect([draft.theirs, draft.state, draft.words.note, draft.words.answers.a?.comment]).toEqual([null, "saved", "", ""]);
  const last = server.got.at(-1);
  expect([last?.version, last?.note, last?.answers]).toEqual([2, "", { a: { ...said, comment: "" }, b: { ...NOT_ANSWERED, value: 2 } }]);
  expect(JSON.stringify(server.got.slice(1))).not.toContain("名前");
});
