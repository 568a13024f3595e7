/** Keeps the phone's way to Asterisk: a WebSocket on which nobody answers is given up, and another one takes its place. */
import type { UA, URI, WebSocketInterface } from "jssip";
import { Lookout } from "./lookout";

// An Asterisk that has just been started takes the WebSocket before it knows what a REGISTER is, and never answers; JsSIP waits
// for 32 s, and then does nothing. Otherwise the answer takes some milliseconds.
const REGISTERED_MS = 5_000;
// A new connection knocks after 0, 1 and 3 s, then at ever longer intervals: tried anew, it goes on knocking each 2 s. And long
// enough for the turns of TCP, TLS and WebSocket on a slow line.
const KNOCK_MS = 5_000;

/** What of JsSIP's agent is used that its types do not name. */
interface Way {
  sendOptions(target: URI, body: string, options: { eventHandlers: Answered }): unknown;
  readonly transport: { connect(): void; isConnecting(): boolean };
}
interface Answered {
  succeeded(): void;
  /** "remote" said no; "system": nobody said anything. */
  failed(about: { originator: string; response: { readonly status_code: number } | null }): void;
}

export interface Upkeep {
  /** Something looks as if nobody is there any more. */
  doubt(): void;
  stop(): void;
}

const FORBIDDEN: readonly (number | undefined)[] = [401, 403];

/** From now on. What it does, the agent says: "disconnected", "connecting", "connected", "registered". `asterisk`: whom to ask, an URI
 * without a user (JsSIP would make one of a string). `refused`: it answers, and does not take this log-in any more. */
export function keepUp(agent: UA, socket: WebSocketInterface, asterisk: URI, refused: () => void): Upkeep {
  const way = agent as unknown as Way;
  const over = new AbortController();
  let answer: ReturnType<typeof setTimeout> | undefined;
  let knocking: ReturnType<typeof setTimeout> | undefined;

  // As if it had broken by itself: JsSIP opens another one a second later, and registers there.
  const breakOff = (why: string) => {
    socket.disconnect();
    socket.ondisconnect(true, 0, why);
  };
  // A new connection does not wait for the pauses that TCP makes on the old one.
  const silent = () => {
    breakOff("nobody answers");
    way.transport.connect();
  };
  const lookout = new Lookout((answered) => {
    const failed: Answered["failed"] = ({ originator, response }) => {
      if (originator !== "remote") return;
      answered();
      if (FORBIDDEN.includes(response?.status_code)) refused();
    };
    way.sendOptions(asterisk, "", { eventHandlers: { succeeded: answered, failed } });
  }, silent);

  const knock = () => {
    clearTimeout(knocking);
    knocking = setTimeout(() => {
      knock();
      anew();
    }, KNOCK_MS);
  };
  // JsSIP goes on waiting for it as for the one before.
  const anew = () => {
    socket.disconnect();
    socket.connect();
  };
  agent.on("connecting", knock);
  agent.on("connected", () => {
    clearTimeout(knocking);
    clearTimeout(answer);
    answer = setTimeout(() => breakOff("no answer to REGISTER"), REGISTERED_MS);
  });
  const ended = () => {
    clearTimeout(knocking);
    clearTimeout(answer);
    lookout.stop();
  };
  agent.on("disconnected", ended);
  agent.on("registered", () => {
    clearTimeout(answer);
    lookout.start();
  });
  agent.on("registrationFailed", ({ response }) => {
    ended();
    // It is the way that failed. One that is still open, and swallows what is sent, JsSIP would keep.
    if (!response && agent.isConnected()) breakOff("no answer to REGISTER");
  });

  // Each of these may be wrong, so it only looks; and what waits for its next try need not.
  const look = () => {
    if (agent.isConnected()) lookout.doubt();
    else if (way.transport.isConnecting()) {
      knock();
      anew();
    } else way.transport.connect();
  };
  const heed = { signal: over.signal };
  addEventListener("online", look, heed);
  addEventListener("offline", () => lookout.doubt(), heed);
  document.addEventListener("visibilitychange", () => lookout.doubt(), heed);
  // Another network, where the browser knows (no Firefox, no Safari).
  (navigator as { connection?: EventTarget }).connection?.addEventListener("change", look, heed);

  return {
    doubt: () => lookout.doubt(),
    stop: () => {
      over.abort();
      ended();
    },
  };
}
