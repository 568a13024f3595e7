/**
 * How long an answer waits for the ways through the networks (ICE candidates).
 *
 * Browsers look for them in steps of some 50 ms: sockets of UDP on every interface first, servers, then TCP, which
 * Asterisk does not speak. To wait for the end is to wait for what nobody uses; to send the first is to leave out the
 * other interfaces. So the page looks around beforehand, to the end, and an answer is complete when every way that was
 * found then has been found again.
 */

/** What of a candidate tells a way; its port is another each time. */
export type Candidate = Pick<RTCIceCandidate, "type" | "address" | "protocol">;

// Whatever a browser needs beyond this, callers should not wait for; also where a network has gone since.
export const GATHER_MS = 100;
// A TURN server is asked twice (the first time for its nonce), over TLS after two round trips more: 0.2 s each, and some.
export const SERVERS_MS = 1_500;
// The look around waits for servers too; nobody waits for it.
const LOOK_MS = 5_000;

let known: ReadonlySet<string> = new Set();

const way = ({ type, address, protocol }: Candidate): string => (protocol === "udp" ? `${type} ${address}` : "");

/** The ways of a whole look around. */
export function learn(candidates: readonly Candidate[]): void {
  known = new Set(candidates.map(way).filter(Boolean));
}

/**
 * The longest that an answer waits after its first usable candidate. With servers it may be one of theirs that the call needs,
 * where no other way leads out. A server that did not answer the look around is not waited for (see `enough`).
 */
export const patienceMs = (asksServers: boolean): number => (asksServers ? SERVERS_MS : GATHER_MS);

/** Told each candidate as it comes: whether no more are to be waited for. Never, where nothing is known. */
export function enough(): (candidate: Candidate) => boolean {
  const missing = new Set(known);
  const wait = missing.size === 0;
  return (candidate) => {
    missing.delete(way(candidate));
    return !wait && missing.size === 0;
  };
}

/**
 * Hears the candidates of one answer, as JsSIP tells them, and says when it may leave: with every way that is known, or when
 * patience is over. What Asterisk cannot use starts no clock: on a full machine it may come first, and alone.
 */
export function leaves(asksServers: () => boolean): (told: { candidate: Candidate; ready: () => void }) => void {
  const done = enough();
  let waiting = false;
  return ({ candidate, ready }) => {
    if (done(candidate)) ready();
    else if (!waiting && way(candidate)) {
      waiting = true;
      setTimeout(ready, patienceMs(asksServers()));
    }
  };
}

/** Find every way there is, for the answers to come. Never rejects: without it answers take GATHER_MS. */
export async function lookAround(config: RTCConfiguration): Promise<void> {
  const found: Candidate[] = [];
  let probe: RTCPeerConnection | null = null;
  try {
    const looking = (probe = new RTCPeerConnection(config));
    looking.addTransceiver("audio");
    const over = new Promise<void>((resolve) => {
      setTimeout(resolve, LOOK_MS);
      looking.addEventListener("icecandidate", ({ candidate }) => (candidate ? found.push(candidate) : resolve()));
    });
    await looking.setLocalDescription();
    await over;
    learn(found);
  } catch {
    learn([]);
  } finally {
    probe?.close();
  }
}
