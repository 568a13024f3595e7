// @vitest-environment happy-dom
import { URI } from "jssip";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keepUp, type Upkeep } from "./upkeep";

/** JsSIP's agent, its transport and its socket, as far as they are used. */
class Played {
  private readonly told = new Map<string, ((about: object) => void)[]>();
  state: "connecting" | "open" | "waiting" = "waiting";
  sockets = 0; // WebSockets that were made
  asked = 0;
  answers = true;
  on(kind: string, listener: (about: object) => void): void {
    this.told.set(kind, [...(this.told.get(kind) ?? []), listener]);
  }
  say(kind: string, about: object = {}): void {
    for (const listener of this.told.get(kind) ?? []) listener(about);
  }
  isConnected = () => this.state === "open";
  transport = {
    isConnecting: () => this.state === "connecting",
    connect: () => {
      if (this.state !== "waiting") return;
      this.state = "connecting";
      this.say("connecting");
      this.socket.connect();
    },
  };
  socket = {
    connect: () => void (this.sockets += 1),
    disconnect: () => undefined,
    ondisconnect: () => {
      this.state = "waiting";
      this.say("disconnected");
    },
  };
  sendOptions(target: URI, _: string, { eventHandlers }: { eventHandlers: { succeeded(): void } }): void {
    expect(String(target)).toBe("sip:127.0.0.1");
    this.asked += 1;
    if (this.answers) eventHandlers.succeeded();
  }
  /** The WebSocket opens, and Asterisk takes the REGISTER. */
  registers(): void {
    this.state = "open";
    this.say("connected");
    this.say("registered");
  }
}

let agent: Played;
let upkeep: Upkeep;
const network = new EventTarget();
Object.defineProperty(navigator, "connection", { value: network, configurable: true });

beforeEach(() => {
  vi.useFakeTimers();
  agent = new Played();
  upkeep = keepUp(agent as never, agent.socket as never, new URI("sip", "", "127.0.0.1"), () => undefined);
  agent.transport.connect();
});
afterEach(() => {
  upkeep.stop();
  vi.useRealTimers();
});

it("a silent cut: another WebSocket at once, another try each 5 s, and no end of it", () => {
  agent.registers();
  vi.advanceTimersByTime(60_000);
  expect([agent.sockets, agent.state]).toEqual([1, "open"]);
  agent.answers = false;
  vi.advanceTimersByTime(6_500);
  expect([agent.sockets, agent.state]).toEqual([2, "connecting"]);
  vi.advanceTimersByTime(60_000);
  expect(agent.sockets).toBe(14);
  agent.answers = true;
  agent.registers();
  vi.advanceTimersByTime(60_000);
  expect([agent.sockets, agent.state]).toEqual([14, "open"]);
});

it("nothing is asked before it is registered, nor after it broke or was refused", () => {
  vi.advanceTimersByTime(60_000);
  expect(agent.asked).toBe(0);
  agent.registers();
  vi.advanceTimersByTime(10_000);
  const asked = agent.asked;
  expect(asked).toBeGreaterThan(1);
  agent.socket.ondisconnect();
  vi.advanceTimersByTime(60_000);
  expect([agent.asked, agent.sockets - asked]).toEqual([asked, 13 - asked]);
  agent.registers();
  agent.say("registrationFailed", { response: { status_code: 403 } });
  vi.advanceTimersByTime(60_000);
  expect([agent.asked, agent.state]).toEqual([asked, "open"]);
});

it.each([
  ["online", () => dispatchEvent(new Event("online"))],
  ["offline", () => dispatchEvent(new Event("offline"))],
  ["seen again", () => document.dispatchEvent(new Event("visibilitychange"))],
  ["another network", () => network.dispatchEvent(new Event("change"))],
  ["sound that stops", () => upkeep.doubt()],
])("a hint (%s) has it look at once", (_, hint) => {
  agent.registers();
  agent.answers = false;
  hint();
  expect(agent.asked).toBe(1);
  vi.advanceTimersByTime(2_000);
  expect([agent.sockets, agent.state]).toEqual([2, "connecting"]);
});

it("a network that is back is not waited for any longer", () => {
  dispatchEvent(new Event("online")); // while one knocks: another one does
  expect([agent.sockets, agent.state]).toEqual([2, "connecting"]);
  vi.advanceTimersByTime(4_900);
  expect(agent.sockets).toBe(2);
  agent.socket.ondisconnect(); // refused: JsSIP pauses
  dispatchEvent(new Event("offline"));
  expect(agent.state).toBe("waiting");
  dispatchEvent(new Event("online"));
  expect([agent.sockets, agent.state]).toEqual([3, "connecting"]);
});

it("stopped, it hears of nothing any more", () => {
  agent.registers();
  upkeep.stop();
  agent.answers = false;
  dispatchEvent(new Event("online"));
  vi.advanceTimersByTime(60_000);
  expect([agent.asked, agent.sockets, agent.state]).toEqual([0, 1, "open"]);
});
