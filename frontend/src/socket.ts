/** The agent socket: connects, says hello, comes back after every loss, and notices when nothing is heard. */
import type { ClientMessage, ServerMessage } from "./desk";

export type Connection = "connecting" | "open" | "lost";

export interface Listener {
  message(message: ServerMessage): void;
  connection(state: Connection): void;
  /** The socket was refused, or never opened: is this person still logged in? */
  doubt(): void;
  /** What to resume from, or nulls. */
  resume(): { streamId: string | null; seq: number };
}

// The server says something every 6 s at most (a ping each 4 s, unless other words went within 2 s before it): one lost
// turn and some network make a dead line.
const SILENCE_MS = 10_000;
// A timer this late is of a page that stood still itself (hidden, asleep, busy): what the server said meanwhile may
// be waiting to be read, and is read within READ_MS.
const LATE_MS = 1_500;
const READ_MS = 2_000;
const FIRST_RETRY_MS = 250;
// The protocol allows up to 30 s; an agent who waits for a call must not look at an old screen for that long.
const LAST_RETRY_MS = 5_000;
// Policy violation: the session is over (docs/protocol.md). A refused handshake shows itself as a socket that never opened.
const SESSION_OVER = 1008;

export class DeskSocket {
  private socket: WebSocket | null = null;
  private retryMs = FIRST_RETRY_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watchdog: ReturnType<typeof setTimeout> | undefined;
  private closed = false;
  private readonly topics = new Set<"queues">();

  constructor(
    private readonly url: string,
    private readonly listener: Listener,
  ) {}

  open(): void {
    this.closed = false;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.heard(); // a frozen server's machine takes the connection, and then nothing comes
    let opened = false;
    socket.onopen = () => {
      // The network came back while this one was still knocking: another one is in its place.
      if (socket !== this.socket) return socket.close(1000);
      opened = true;
      this.retryMs = FIRST_RETRY_MS;
      this.listener.connection("open");
      this.heard();
      this.hello();
      for (const topic of this.topics) this.send({ type: "subscribe", topic });
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket !== this.socket) return;
      this.heard();
      const message = JSON.parse(event.data) as ServerMessage;
      this.listener.message(message);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(opened && event.code !== SESSION_OVER ? "lost" : "doubtful");
    };
  }

  /** Asks for a snapshot. */
  hello(): void {
    const { streamId, seq } = this.listener.resume();
    this.send(streamId === null ? { type: "hello" } : { type: "hello", resume: seq, stream_id: streamId });
  }

  /** False when there is no connection: nothing is queued, the page says so instead. */
  send(message: ClientMessage): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  subscribe(topic: "queues"): void {
    this.topics.add(topic);
    this.send({ type: "subscribe", topic });
  }

  unsubscribe(topic: "queues"): void {
    this.topics.delete(topic);
    this.send({ type: "unsubscribe", topic });
  }

  close(): void {
    this.closed = true;
    removeEventListener("online", this.now);
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    const socket = this.socket;
    this.socket = null;
    if (socket?.readyState === WebSocket.CONNECTING) {
      // A browser complains of a connection that is ended before it is there: this one ends as soon as it is.
      socket.onmessage = socket.onclose = null;
      socket.onopen = () => socket.close(1000);
    } else socket?.close(1000);
  }

  private heard(): void {
    clearTimeout(this.watchdog);
    const due = performance.now() + SILENCE_MS;
    this.watchdog = setTimeout(() => {
      if (performance.now() - due < LATE_MS) this.giveUp();
      else this.watchdog = setTimeout(() => this.giveUp(), READ_MS);
    }, SILENCE_MS);
  }

  /** A dead line does not answer a close frame either: this socket is left to the browser, and a new one is made. */
  private giveUp(): void {
    const dead = this.socket;
    this.socket = null;
    dead?.close(4000, "silence");
    this.lost("lost");
  }

  /** "doubtful": the server may have refused us rather than gone away; whoever is logged out is told that instead. */
  private lost(how: "lost" | "doubtful"): void {
    clearTimeout(this.watchdog);
    if (this.closed) return;
    if (how === "lost") this.listener.connection("lost");
    else this.listener.doubt();
    // Spread over half the pause: a thousand pages must not all return in the same instant.
    const pause = this.retryMs * (0.5 + Math.random() / 2);
    this.retryMs = Math.min(this.retryMs * 2, LAST_RETRY_MS);
    this.retry = setTimeout(() => this.open(), pause);
    addEventListener("online", this.now, { once: true });
  }

  /** The network is back: do not sit out the pause. */
  private readonly now = (): void => {
    clearTimeout(this.retry);
    if (!this.closed && this.socket?.readyState !== WebSocket.OPEN) this.open();
  };
}
