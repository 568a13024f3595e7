import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Draft, type Keep, type Means, Note, sameWords } from "./note";
import type { MyNote, NoteSaved } from "./wire";

const CALL = "6f1c2a52-3f1e-4f43-9f0b-0a8f3a3b7c11";
const nothing: MyNote = { version: 0, note: "", reasons: [] };
const AWAY = new Error("away");
const TOO_LATE = new Error("too late");

/** A server, a browser's storage and a clock that a test moves. */
class World {
  stored: MyNote = nothing;
  kept = new Map<string, Draft>();
  /** Every text that was ever stored. */
  texts = new Set<string>([""]);
  timers: { work: () => void; at: number }[] = [];
  now = 0;
  away = false;
  tooLate = false;
  loseAnswer = false;
  saves = 0;

  readonly keep: Keep = {
    get: (id) => this.kept.get(id) ?? null,
    put: (id, draft) => void this.kept.set(id, draft),
    drop: (id) => void this.kept.delete(id),
  };

  readonly means: Means = {
    save: async (_, body) => {
      this.saves += 1;
      await Promise.resolve();
      if (this.away) throw AWAY;
      if (this.tooLate) throw TOO_LATE;
      const words = { note: body.note, reasons: body.reasons ?? [] };
      let answer: NoteSaved;
      if (body.version === this.stored.version) {
        this.stored = { ...words, version: this.stored.version + 1 };
        this.texts.add(words.note);
        answer = { saved: true, mine: this.stored };
      } else answer = { saved: sameWords(words, this.stored), mine: this.stored };
      if (this.loseAnswer) {
        this.loseAnswer = false;
        throw AWAY;
      }
      return answer;
    },
    passes: (error) => error === AWAY,
    keep: this.keep,
    later: (work, ms) => {
      const timer = { work, at: this.now + ms };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((one) => one !== timer));
    },
    changed: () => undefined,
  };

  open(): Note {
    return new Note(CALL, this.stored, this.means);
  }

  /** Somebody saves on another page, over the newest version. */
  elsewhere(note: string): void {
    this.stored = { note, reasons: [], version: this.stored.version + 1 };
    this.texts.add(note);
  }

  async pass(ms: number): Promise<void> {
    this.now += ms;
    for (;;) {
      const due = this.timers.find((one) => one.at <= this.now);
      if (!due) break;
      this.timers = this.timers.filter((one) => one !== due);
      due.work();
      for (let n = 0; n < 8; n += 1) await Promise.resolve();
    }
  }
}

describe("a note that saves itself", () => {
  it("is saved once a pause is made, and says so", async () => {
    const world = new World();
    const note = world.open();
    note.edit({ note: "鍵" });
    note.edit({ note: "鍵が開かない" });
    expect(note.state).toBe("saving");
    expect(world.saves).toBe(0);
    await world.pass(700);
    expect([note.state, world.stored.note, world.saves, world.kept.size]).toEqual(["saved", "鍵が開かない", 1, 0]);
  });

  it("is saved all the same while somebody types on", async () => {
    const world = new World();
    const note = world.open();
    for (let n = 0; n < 12; n += 1) {
      note.edit({ note: "x".repeat(n + 1) });
      await world.pass(500);
    }
    expect(world.saves).toBeGreaterThan(0);
  });

  it("is kept here while the server is away, and saved by itself when it is back", async () => {
    const world = new World();
    const note = world.open();
    world.away = true;
    note.edit({ note: "返金の約束" });
    await world.pass(700);
    expect(note.state).toBe("kept");
    expect(world.kept.get(CALL)?.note).toBe("返金の約束");
    world.away = false;
    await world.pass(2_000);
    expect([note.state, world.stored.note, world.kept.size]).toEqual(["saved", "返金の約束", 0]);
  });

  it("is there again after the page was killed before it could be saved", async () => {
    const world = new World();
    world.open().edit({ note: "電話番号は変更済み" });
    world.timers = []; // the page is gone
    const again = world.open();
    expect(again.draft.note).toBe("電話番号は変更済み");
    await world.pass(0);
    expect([again.state, world.stored.note]).toEqual(["saved", "電話番号は変更済み"]);
  });

  it("does not mistake its own lost answer for somebody else's words", async () => {
    const world = new World();
    const note = world.open();
    world.loseAnswer = true;
    note.edit({ note: "一度だけ" });
    await world.pass(700);
    await world.pass(2_000);
    expect([note.state, world.stored.version]).toEqual(["saved", 1]);
  });

  it("asks a person when another page saved meanwhile, and loses neither version before", async () => {
    for (const which of ["mine", "theirs"] as const) {
      const world = new World();
      const note = world.open();
      world.elsewhere("別の画面");
      note.edit({ note: "この画面" });
      await world.pass(700);
      expect([note.state, note.theirs?.note, note.draft.note]).toEqual(["changed", "別の画面", "この画面"]);
      expect(world.stored.note).toBe("別の画面");
      note.choose(which);
      await world.pass(0);
      expect(note.state).toBe("saved");
      expect(world.stored.note).toBe(which === "mine" ? "この画面" : "別の画面");
      expect(note.draft.note).toBe(world.stored.note);
    }
  });

  it("has none of the signs that a paste brings and the server refuses", async () => {
    const world = new World();
    const note = world.open();
    note.edit({ note: "a\u000bb\u007fc\u0000\td\ne\ud83d" });
    await world.pass(700);
    expect([note.draft.note, world.stored.note]).toEqual(["abc\td\ne", "abc\td\ne"]);
  });

  it("sends nothing more once it was stopped, and keeps every word here", async () => {
    const world = new World();
    const note = world.open();
    world.away = true;
    note.edit({ note: "first" });
    await world.pass(700);
    world.away = false;
    note.stop();
    note.edit({ note: "first and last" });
    note.flush();
    await note.saveNow();
    await world.pass(60_000);
    expect([world.saves, world.stored.note, world.kept.get(CALL)?.note]).toEqual([1, "", "first and last"]);
  });

  it("says when it will never be taken, and keeps what was typed on the page", async () => {
    const world = new World();
    const note = world.open();
    world.tooLate = true;
    note.edit({ note: "三日後" });
    await world.pass(700);
    await world.pass(60_000);
    expect([note.state, note.draft.note, world.saves]).toEqual(["refused", "三日後", 1]);
  });

  it("ends with every word on the server, whatever failed in between and in whatever order", async () => {
    const step = fc.oneof(
      fc.record({ what: fc.constant("type" as const), text: fc.string({ maxLength: 4 }) }),
      fc.record({ what: fc.constantFrom("away", "back", "lose", "kill", "flush", "elsewhere" as const) }),
      fc.record({ what: fc.constant("pass" as const), ms: fc.integer({ min: 0, max: 5_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.constantFrom("mine", "theirs")), { maxLength: 40 }), async (steps) => {
        const world = new World();
        let note = world.open();
        let wanted = ""; // what the person typed last, or chose
        let last = 0;
        for (const [one, choice] of steps) {
          if (one.what === "type") {
            wanted = `${one.text}#${(last += 1)}`;
            note.edit({ note: wanted });
          } else if (one.what === "pass") await world.pass(one.ms);
          else if (one.what === "away") world.away = true;
          else if (one.what === "back") world.away = false;
          else if (one.what === "lose") world.loseAnswer = true;
          else if (one.what === "flush") note.flush();
          else if (one.what === "elsewhere") world.elsewhere(`elsewhere ${(last += 1)}`);
          else {
            world.timers = [];
            note = world.open();
            if (!world.kept.has(CALL)) {
              expect([...world.texts]).toContain(wanted); // nothing is forgotten here before it is stored there
              wanted = note.draft.note;
            }
          }
          expect(note.draft.note).toBe(wanted); // what was typed is never thrown away without a person's word
          if (note.state === "changed") {
            if (choice === "theirs") wanted = note.theirs?.note ?? "";
            note.choose(choice);
            expect(note.draft.note).toBe(wanted);
          }
        }
        world.away = false;
        world.loseAnswer = false;
        for (let n = 0; n < 4; n += 1) {
          await world.pass(60_000);
          if (note.state === "changed") note.choose("mine");
        }
        expect(note.state).toBe("saved");
        expect(note.settled).toBe(true);
        expect(note.draft.note).toBe(wanted);
        // Stored it was; whoever wrote on another page afterwards wrote over it knowingly.
        expect([...world.texts]).toContain(wanted);
        expect(world.stored.note.startsWith("elsewhere") || world.stored.note === wanted).toBe(true);
        expect(world.kept.size).toBe(0);
      }),
      { numRuns: 400 },
    );
  });
});
