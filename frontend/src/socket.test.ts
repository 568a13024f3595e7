// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { DeskSocket, type Listener } from "./socket";

class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static all: FakeSocket[] = [];
  readyState = 0;
  sent: unknown[] = [];
  closed: number | null = null;
  onopen: (() => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(code: number): void {
    this.closed = code; // a dead line: no close event comes back
    this.readyState = 2;
  }
  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  ends(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

let heard: string[] = [];
let resume: { streamId: string | null; seq: number } = { streamId: null, seq: 0 };
const listener: Listener = {
  message: (message) => heard.push(message.type),
  connection: (state) => heard.push(state),
  doubt: () => heard.push("doubt"),
  resume: () => resume,
};
const latest = (): FakeSocket => FakeSocket.all.at(-1) as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  heard = [];
  resume = { streamId: null, seq: 0 };
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function connected(): DeskSocket {
  const socket = new DeskSocket("ws://desk/api/socket", listener);
  socket.open();
  latest().opens();
  return socket;
}

it("says hello, and what it saw last when it comes back", () => {
  const socket = connected();
  expect(latest().sent).toEqual([{ type: "hello" }]);
  socket.subscribe("queues");
  resume = { streamId: "s", seq: 7 };
  latest().ends(1012);
  vi.advanceTimersByTime(300);
  latest().opens();
  expect(latest().sent).toEqual([
    { type: "hello", resume: 7, stream_id: "s" },
    { type: "subscribe", topic: "queues" },
  ]);
  expect(heard).toEqual(["open", "lost", "open"]);
  socket.close();
});

it("tries again at growing pauses, five seconds at most, until it is told to stop", () => {
  const socket = connected();
  latest().ends(1006);
  for (let time = 0; time < 60; time += 1) {
    vi.advanceTimersByTime(1000);
    if (latest().readyState === 0) latest().ends(1006);
  }
  expect(FakeSocket.all.length).toBeGreaterThan(12);
  expect(FakeSocket.all.length).toBeLessThan(35);
  const before = FakeSocket.all.length;
  socket.close();
  vi.advanceTimersByTime(60_000);
  expect(FakeSocket.all.length).toBe(before);
});

it("notices a frozen server after 10 s of silence, and does not wait for the line to close", () => {
  const socket = connected();
  vi.advanceTimersByTime(9_000);
  latest().says({ type: "ping", seq: 3 });
  vi.advanceTimersByTime(9_900);
  expect(FakeSocket.all.length).toBe(1);
  vi.advanceTimersByTime(200);
  expect(FakeSocket.all[0]?.closed).toBe(4000);
  expect(heard.at(-1)).toBe("lost");
  vi.advanceTimersByTime(300);
  expect(FakeSocket.all.length).toBe(2);
  socket.close();
});

it("knocks anew at a frozen server that takes connections and says nothing, until it lives again", () => {
  const socket = connected();
  vi.advanceTimersByTime(60_000);
  const knocks = FakeSocket.all.length;
  expect(knocks).toBeGreaterThan(3);
  expect(FakeSocket.all.slice(0, -1).every((one) => one.closed === 4000)).toBe(true);
  expect(heard.filter((one) => one === "open")).toHaveLength(1);
  latest().opens();
  latest().says({ type: "ping", seq: 1 });
  expect(heard.slice(-2)).toEqual(["open", "ping"]);
  socket.close();
});

it("raises no alarm in a page that stood still: what waits to be read is read first", () => {
  const socket = connected();
  const clock = performance.now();
  // A hidden page's timer comes when the browser lets it, here 50 s late, and before the frames that waited.
  vi.spyOn(performance, "now").mockImplementation(() => clock + 60_000);
  vi.advanceTimersByTime(10_000);
  expect(heard).toEqual(["open"]);
  latest().says({ type: "ping", seq: 9 });
  vi.mocked(performance.now).mockRestore();
  vi.advanceTimersByTime(5_000);
  expect(heard).toEqual(["open", "ping"]);
  expect(FakeSocket.all.length).toBe(1);
  socket.close();
});

it("notices a dead server in a page whose every timer is late, too", () => {
  const socket = connected();
  let late = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => (late += 60_000));
  vi.advanceTimersByTime(10_000);
  expect(heard).toEqual(["open"]);
  vi.advanceTimersByTime(2_000);
  expect(heard).toEqual(["open", "lost"]);
  vi.mocked(performance.now).mockRestore();
  socket.close();
});

it("asks whether the log-in is over when it is refused, instead of calling it a lost line", () => {
  const socket = connected();
  latest().ends(1008);
  expect(heard).toEqual(["open", "doubt"]);
  vi.advanceTimersByTime(300);
  latest().ends(1006); // refused before it opened
  expect(heard).toEqual(["open", "doubt", "doubt"]);
  socket.close();
});

it("does not sit out the pause when the network is back", () => {
  const socket = connected();
  for (let times = 0; times < 6; times += 1) {
    latest().ends(1006);
    vi.advanceTimersByTime(5_000);
  }
  latest().ends(1006);
  const before = FakeSocket.all.length;
  dispatchEvent(new Event("online"));
  expect(FakeSocket.all.length).toBe(before + 1);
  vi.advanceTimersByTime(10_000);
  expect(FakeSocket.all.length).toBe(before + 1);
  socket.close();
});

it("sends nothing while there is no connection, and says so", () => {
  const socket = new DeskSocket("ws://desk/api/socket", listener);
  socket.open();
  expect(socket.send({ type: "state.set", state: "available", reason: "" })).toBe(false);
  latest().opens();
  expect(socket.send({ type: "state.set", state: "available", reason: "" })).toBe(true);
  socket.close();
});

it("ends a connection that is not there yet as soon as it is, and hears nothing from it", () => {
  const socket = new DeskSocket("ws://desk", listener);
  socket.open();
  socket.close();
  expect(latest().closed).toBeNull(); // the browser would complain
  latest().opens();
  expect(latest().closed).toBe(1000);
  latest().says({ type: "snapshot" });
  expect(heard).toEqual([]);
  expect(latest().sent).toEqual([]);
});

it("hears one line only when the network came back while another was still knocking", () => {
  connected();
  latest().ends(1006);
  vi.advanceTimersByTime(300);
  const knocking = latest();
  dispatchEvent(new Event("online"));
  const taken = latest();
  expect(taken).not.toBe(knocking);
  taken.opens();
  knocking.opens();
  expect(knocking.closed).toBe(1000);
  heard = [];
  knocking.says({ type: "pop.offer", seq: 1 });
  expect(heard).toEqual([]);
  taken.says({ type: "pop.offer", seq: 1 });
  expect(heard).toEqual(["pop.offer"]);
});
