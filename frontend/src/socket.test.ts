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

it("notices a dead line by its silence, and does not wait for it to close", () => {
  const socket = connected();
  vi.advanceTimersByTime(39_000);
  latest().says({ type: "ping", seq: 3 });
  expect(latest().sent.at(-1)).toEqual({ type: "pong", seq: 3 });
  vi.advanceTimersByTime(39_000);
  expect(FakeSocket.all.length).toBe(1);
  vi.advanceTimersByTime(1_500);
  expect(FakeSocket.all[0]?.closed).toBe(4000);
  expect(FakeSocket.all.length).toBe(2);
  expect(heard.at(-1)).toBe("lost");
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
