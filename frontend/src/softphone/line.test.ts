// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { CallListener, LineCall } from "./line";

/** What JsSIP and the browser would say, said by the test. */
class Source {
  private readonly told = new Map<string, ((about: never) => void)[]>();
  on(kind: string, listener: (about: never) => void): void {
    this.told.set(kind, [...(this.told.get(kind) ?? []), listener]);
  }
  addEventListener = this.on.bind(this);
  say(kind: string, about: object = {}): void {
    for (const listener of this.told.get(kind) ?? []) listener(about as never);
  }
}
let agent: Source & { start(): void; stop(): void; connected: boolean; answers: "yes" | "no" | "forbidden"; registers: number };
let broken: number; // how often the WebSocket was given up
vi.mock("jssip", () => ({
  C: { DTMF_TRANSPORT: { RFC2833: "RFC2833" } },
  URI: class {},
  WebSocketInterface: class {
    connect = () => undefined;
    disconnect = () => undefined;
    ondisconnect = () => {
      broken += 1;
      agent.connected = false;
      agent.say("disconnected");
    };
  },
  UA: class extends Source {
    constructor() {
      super();
      agent = this;
    }
    connected = false;
    answers = "yes" as const;
    registers = 0;
    transport = { connect: () => undefined, isConnecting: () => false };
    register = () => void (this.registers += 1);
    sendOptions(_: string, __: string, { eventHandlers: told }: { eventHandlers: Record<"succeeded" | "failed", (about?: object) => void> }): void {
      const answers: string = this.answers;
      if (answers === "yes") told.succeeded();
      if (answers === "forbidden") told.failed({ originator: "remote", response: { status_code: 401 } });
    }
    start = () => undefined;
    stop = () => undefined;
    isConnected = () => this.connected;
  },
}));
const { openLine } = await import("./line");

class Connection extends Source {
  heardAt = Infinity; // so that nothing is ever silent
  getReceivers = () => [{ getSynchronizationSources: () => [{ timestamp: Math.min(this.heardAt, performance.now()) }] }];
  iceConnectionState: RTCIceConnectionState = "connected";
  becomes(state: RTCIceConnectionState): void {
    this.iceConnectionState = state;
    this.say("iceconnectionstatechange");
  }
}
class Session extends Source {
  connection: Connection | null = null;
  terminated = 0;
  headers: readonly string[] | undefined;
  terminate(about?: { extraHeaders?: readonly string[] }): void {
    this.terminated += 1;
    this.headers = about?.extraHeaders;
    this.say("ended");
  }
  isEnded = () => this.terminated > 0;
  contact = "<sip:me@here.invalid;transport=ws>";
  sent: [string, readonly string[]][] = [];
  unknown: () => void = () => undefined; // Asterisk has no such call
  sendRequest(method: string, about: { extraHeaders: readonly string[]; eventHandlers: { onDialogError(): void } }): void {
    this.sent.push([method, about.extraHeaders]);
    this.unknown = about.eventHandlers.onDialogError;
  }
  target = "";
  about: Record<"requestFailed" | "accepted" | "failed", (about: object) => void> | null = null;
  answer: unknown = {};
  refer(target: string, options: { eventHandlers: NonNullable<Session["about"]> }): unknown {
    [this.target, this.about] = [target, options.eventHandlers];
    return this.answer;
  }
}

let session: Session;
let told: string[];
let rang: LineCall;

beforeEach(async () => {
  vi.useFakeTimers();
  told = [];
  broken = 0;
  session = new Session();
  const listen: CallListener = {
    answered: () => told.push("answered"),
    ended: () => told.push("ended"),
    lost: () => told.push("lost"),
    sound: () => undefined,
  };
  await openLine({ url: "wss://x", user: "u", domain: "d", secret: "s" } as never, {
    registered: () => told.push("registered"),
    disconnected: () => told.push("disconnected"),
    rejected: () => told.push("rejected"),
    incoming: (call: LineCall) => {
      rang = call;
      if (told.includes("answered")) call.refuse();
      else call.listen(listen);
    },
  });
  ring(session);
});
afterEach(() => void vi.useRealTimers());

function ring(offered: Session, headers: Record<string, string> = {}): void {
  agent.say("newRTCSession", { originator: "remote", session: offered, request: { getHeader: (name: string) => headers[name] } });
}

function talk(): Connection {
  session.connection = new Connection();
  session.say("confirmed");
  return session.connection;
}

it("what rings cannot be answered over another WebSocket", () => {
  agent.say("disconnected");
  expect(told).toEqual(["lost", "ended", "disconnected"]);
});

it("who talks goes on while sound comes through, however often the WebSocket breaks", () => {
  talk();
  agent.say("disconnected");
  agent.say("disconnected");
  vi.advanceTimersByTime(60_000);
  expect([told, session.terminated]).toEqual([["answered", "disconnected", "disconnected"], 0]);
});

it("a call from which nothing comes any more, after the WebSocket broke, is lost", () => {
  const connection = talk();
  agent.say("disconnected");
  connection.becomes("disconnected");
  expect(told).not.toContain("lost");
  vi.advanceTimersByTime(2_000);
  expect([told, session.terminated]).toEqual([["answered", "disconnected", "lost", "ended"], 1]);
});

it("a radio that comes back in time loses no call", () => {
  const connection = talk();
  agent.say("disconnected");
  connection.becomes("disconnected");
  vi.advanceTimersByTime(1_900);
  connection.becomes("connected");
  vi.advanceTimersByTime(60_000);
  expect(told).not.toContain("lost");
});

it("a cut without a break of the WebSocket is no end while sound comes", () => {
  const connection = talk();
  connection.becomes("disconnected");
  vi.advanceTimersByTime(60_000);
  connection.becomes("connected");
  expect(told).toEqual(["answered"]);
});

it("a call from which nothing comes for 5 s is given up, and not hung up: its caller waits for this agent", () => {
  const connection = talk();
  connection.heardAt = performance.now();
  vi.advanceTimersByTime(60_000); // a trunk that sends nothing while its caller listens
  expect(told).toEqual(["answered"]);
  connection.heardAt = performance.now();
  connection.becomes("disconnected");
  vi.advanceTimersByTime(4_500);
  expect(told).toEqual(["answered"]);
  vi.advanceTimersByTime(1_000);
  expect([told, session.terminated]).toEqual([["answered", "lost", "ended"], 1]);
  expect(session.headers).toEqual([expect.stringContaining("Q.850;cause=44")]);
  rang.hangUp();
  expect(session.terminated).toBe(1);
});

it("a blink of a connection that was silent anyway is no end", () => {
  const connection = talk();
  connection.heardAt = performance.now();
  vi.advanceTimersByTime(60_000); // the server has the caller on hold: nothing comes
  connection.becomes("disconnected");
  vi.advanceTimersByTime(290);
  connection.becomes("connected");
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual(["answered"]);
  connection.becomes("failed"); // the browser has given it up
  vi.advanceTimersByTime(600);
  expect(told).toContain("lost");
});

it.each([
  ["remote", 'Q.850;cause=44;text="Requested channel not available"', "lost"],
  ["remote", "Q.850;cause=16", "ended"],
  ["remote", undefined, "ended"],
  ["local", "Q.850;cause=44", "ended"],
])("a call that Asterisk ends for want of sound is lost (%s, %s)", (originator, reason, word) => {
  talk();
  session.say("ended", { originator, message: { getHeader: () => reason } });
  expect(told).toEqual(["answered", word]);
});

it("a person who hangs up, or declines, gives no reason", () => {
  rang.hangUp();
  expect([session.terminated, session.headers]).toEqual([1, undefined]);
});

it("a call that is over is lost no more", () => {
  const connection = talk();
  agent.say("disconnected");
  connection.becomes("disconnected");
  session.say("ended");
  vi.advanceTimersByTime(60_000);
  agent.say("disconnected");
  expect(told.filter((word) => word === "lost")).toEqual([]);
});

it("a second call that was refused does not hide the one that is on", () => {
  const connection = talk();
  const second = new Session();
  ring(second);
  expect(second.terminated).toBe(1);
  agent.say("disconnected");
  connection.becomes("failed");
  vi.advanceTimersByTime(2_000);
  expect([told.at(-2), told.at(-1), session.terminated]).toEqual(["lost", "ended", 1]);
});

it("knows the queue that Asterisk says, and that it comes back", () => {
  expect([rang.queue, rang.comesBack]).toEqual([null, false]);
  ring(new Session(), { "X-Kakehashi-Queue": "members" });
  expect([rang.queue, rang.comesBack]).toEqual(["members", false]);
  ring(new Session(), { "X-Kakehashi-Queue": "", "X-Kakehashi-Back": "1" });
  expect([rang.queue, rang.comesBack]).toEqual([null, true]);
});

function connects(): void {
  agent.connected = true;
  agent.say("connected");
}

it("an Asterisk that takes the WebSocket and answers no REGISTER is tried over another one", () => {
  connects();
  vi.advanceTimersByTime(4_900);
  expect(broken).toBe(0);
  vi.advanceTimersByTime(200);
  expect(broken).toBe(1);
  connects();
  agent.say("registered");
  vi.advanceTimersByTime(60_000);
  expect([broken, told.at(-1)]).toEqual([1, "registered"]);
});

it("a line that swallowed a later REGISTER is given up too; one that broke, or a refusal, is not", () => {
  connects();
  agent.say("registered");
  agent.say("registrationFailed", { response: null });
  expect([broken, told.at(-1)]).toEqual([1, "disconnected"]);
  agent.say("registrationFailed", { response: null }); // of what was on its way when it broke
  connects();
  agent.say("registrationFailed", { response: { status_code: 403 } });
  vi.advanceTimersByTime(60_000);
  expect([broken, told.at(-1)]).toEqual([1, "rejected"]);
});

it("a call that goes on over another WebSocket tells Asterisk where its phone is now; one that rings or is over does not", () => {
  agent.say("registered"); // it rings
  talk();
  agent.say("disconnected");
  expect(session.sent).toEqual([]);
  agent.say("registered");
  expect(session.sent).toEqual([["UPDATE", [`Contact: ${session.contact}`]]]);
  session.say("ended");
  agent.say("disconnected");
  agent.say("registered");
  expect(session.sent.length).toBe(1);
});

it("a call that Asterisk does not know any more is lost at once", () => {
  talk();
  agent.say("disconnected");
  agent.say("registered");
  session.unknown();
  expect([told.slice(-2), session.terminated]).toEqual([["lost", "ended"], 1]);
});

it("sound that stops has the line looked at", () => {
  connects();
  const connection = talk();
  agent.say("registered");
  agent.answers = "no";
  connection.becomes("disconnected");
  vi.advanceTimersByTime(2_000);
  expect([broken, told.at(-1)]).toEqual([1, "disconnected"]);
});

it("a log-in that Asterisk refuses is said as soon as it is looked at, and not in a call", () => {
  connects();
  talk();
  agent.say("registered");
  agent.answers = "forbidden";
  vi.advanceTimersByTime(5_000);
  expect(agent.registers).toBe(0);
  session.say("ended");
  vi.advanceTimersByTime(5_000);
  expect(agent.registers).toBe(1);
  agent.say("registrationFailed", { response: { status_code: 401 } });
  vi.advanceTimersByTime(60_000);
  expect([agent.registers, broken, told.at(-1)]).toEqual([1, 0, "rejected"]);
});

it("a line on which nobody answers is none, and the talk goes on", () => {
  connects();
  talk();
  agent.say("registered");
  agent.answers = "no";
  vi.advanceTimersByTime(6_500);
  expect([broken, told.at(-1)]).toEqual([1, "disconnected"]);
  expect(told).not.toContain("lost");
});

it("passes on what Asterisk says of a REFER, and when it says nothing", () => {
  const said: (number | null)[] = [];
  const refer = () => rang.refer("queue-roadside", (status) => said.push(status));
  refer();
  expect(session.target).toBe("sip:queue-roadside@d");
  session.about?.accepted({ status_line: { status_code: 200 } });
  session.about?.failed({ status_line: { status_code: 404 } });
  session.about?.requestFailed({ response: { status_code: 603 } });
  session.about?.requestFailed({ response: null }); // the WebSocket is broken
  session.answer = false; // there is no dialogue
  refer();
  expect(said).toEqual([200, 404, 603, null, null]);
});
