/**
 * The SIP line: JsSIP, loaded only by pages that are phones. It speaks with Asterisk's own WebSocket; our server is not
 * in the way, so that its end unregisters nobody.
 */
import type { PhoneLogInBody } from "../wire";
import { leaves, lookAround } from "./gather";
import { isGone, lookAt } from "./gone";
import { asksServers, peerConfig } from "./ice";
import { type Guarded, type Outcome, Reoffers } from "./reoffer";
import { keepUp } from "./upkeep";

// Asterisk drops a contact with its WebSocket; this is for one that froze.
const REGISTER_S = 120;
// Tried again soon, since nobody can call until then, and not at once by a thousand pages.
const RETRY_FIRST_S = 1;
const RETRY_LAST_S = 4;
// 200 ms and a gap are told apart by every menu.
const TONE_MS = 200;
// A browser says "disconnected" when it has heard nothing for 3 to 5 s and may hear again: radio comes and goes. Asterisk
// waits for 5 s (rtp_timeout), then the call is over there.
const GONE_MS = 2_000;
const CUT: readonly RTCIceConnectionState[] = ["disconnected", "failed", "closed"];
// With the WebSocket there nothing came for 5 s before a connection is given up (gone.ts); it must be cut as well, and not for a
// blink. Short, because a browser has waited for seconds before it says so, and the caller is promised 6 s.
const CUT_MS = 300;
const LOOK_MS = 100;
// Q.850 44, as Asterisk itself has it of a leg that it hears nothing of: a plain BYE would end the caller's call.
const LOST = 'Reason: Q.850;cause=44;text="No sound"';
const NO_SOUND = /^\s*Q\.850\s*;.*\bcause=44\b/i;
// Asterisk's word that a call comes back (asterisk-conf/extensions.conf, cti-back).
const BACK = "X-Kakehashi-Back";
// And of which queue a call is (cti-ring).
const QUEUE = "X-Kakehashi-Queue";

export interface LineListener {
  registered(): void;
  disconnected(): void;
  rejected(): void;
  incoming(call: LineCall): void;
}

export interface CallListener {
  answered(): void;
  ended(): void;
  lost(): void; // no sound gets through any more, or Asterisk is gone; nobody hung up
  sound(stream: MediaStream): void; // what the other side says
}

export interface LineCall {
  readonly comesBack: boolean; // the caller of a moment ago: the agent's phone was lost in mid-call
  readonly queue: string | null; // as Asterisk says; null: it does not
  listen(to: CallListener): void;
  answer(microphone: MediaStream): void;
  hangUp(): void;
  giveUp(): void; // the same, but the caller's call goes on: they are told, and wait for this agent (cti-lost)
  refuse(): void; // busy: another call is on
  send(key: string): boolean; // false: nothing goes out to the caller just now
  connection(): RTCPeerConnection | null;
  gone(): boolean; // over at Asterisk, which could not say so
  /** On hold, or no more, by the phone itself. `told` is not called when the call ends before. */
  hold(wanted: boolean, told: (outcome: Outcome) => void): void;
  silentMs(): number; // since the last packet of sound came
  /** Asks Asterisk to pass the caller on to an extension that this phone may dial. `told`: a status of SIP, or null for no answer. */
  refer(extension: string, told: (status: number | null) => void): void;
}

export interface Line {
  stop(): void;
}

/** Registers, and stays so. */
export async function openLine(logIn: PhoneLogInBody, listener: LineListener): Promise<Line> {
  const { C, UA, URI, WebSocketInterface } = await import("jssip");
  const way = new WebSocketInterface(logIn.url);
  const agent = new UA({
    sockets: [way],
    uri: `sip:${logIn.user}@${logIn.domain}`,
    password: logIn.secret,
    register: true,
    register_expires: REGISTER_S,
    connection_recovery_min_interval: RETRY_FIRST_S,
    connection_recovery_max_interval: RETRY_LAST_S,
    user_agent: "Kakehashi",
    // Asterisk asks for none (`timers = no`): what JsSIP would send each 45 s is one more thing that could fail in mid-call.
    session_timers: false,
  });
  let last: SipCall | null = null;
  // What the log-in's end means for a call that is on, the next REGISTER has time to say.
  const upkeep = keepUp(agent, way, new URI("sip", "", logIn.domain), () => (!last || last.over) && agent.register());
  agent.on("registered", () => {
    // Again after each break: another network may be what broke it.
    void lookAround(peerConfig());
    last?.lineIsBack();
    listener.registered();
  });
  agent.on("disconnected", () => {
    last?.lineBroke();
    listener.disconnected();
  });
  agent.on("registrationFailed", ({ response }) => (response ? listener.rejected() : listener.disconnected()));
  agent.on("newRTCSession", ({ originator, session, request }: { originator: string; session: unknown; request: Request }) => {
    if (originator !== "remote") return;
    const comesBack = request.getHeader(BACK) !== undefined;
    const call = new SipCall(
      session as Session,
      logIn.domain,
      C.DTMF_TRANSPORT.RFC2833,
      comesBack,
      request.getHeader(QUEUE) || null,
      () => upkeep.doubt(),
    );
    listener.incoming(call);
    if (!call.over) last = call;
  });
  agent.start();
  return {
    stop: () => {
      upkeep.stop();
      agent.stop();
    },
  };
}

interface Request {
  getHeader(name: string): string | undefined;
}

interface Ending {
  readonly originator?: string;
  readonly message?: { getHeader?(name: string): string | undefined } | null;
}

/** What of JsSIP's session is used: its own types lean on a package that has none. */
interface Session extends Guarded {
  on(kind: string, listener: (event: never) => void): unknown;
  answer(options: { mediaStream: MediaStream; pcConfig: RTCConfiguration }): void;
  terminate(options?: { status_code?: number; cause?: string; extraHeaders?: readonly string[] }): void;
  sendDTMF(key: string, options: { duration: number; transportType: string }): void;
  isEnded(): boolean;
  readonly contact: string;
  sendRequest(method: string, options: { extraHeaders: readonly string[]; eventHandlers: { onDialogError(): void } }): unknown;
  /** False when there is no dialogue. The last NOTIFY is "accepted" or "failed"; a REFER that was not taken is "requestFailed". */
  refer(target: string, options: { eventHandlers: ReferHandlers }): unknown;
}

type Status = { readonly status_code: number };
interface ReferHandlers {
  requestFailed(about: { response: Status | null }): void;
  accepted(about: { status_line: Status }): void;
  failed(about: { status_line: Status }): void;
}

const BUSY_HERE = 486;

class SipCall implements LineCall {
  over = false;
  private confirmed = false;
  private watched = false;
  private cutAt: number | null = null; // performance.now()
  private brokeAt: number | null = null; // the WebSocket, the last time
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lost: () => void = () => undefined;
  private readonly reoffers: Reoffers;

  constructor(
    private readonly session: Session,
    private readonly domain: string,
    private readonly inBand: string, // JsSIP's name for keys as events in the sound's stream
    readonly comesBack: boolean,
    readonly queue: string | null,
    private readonly doubt: () => void, // that the line stands
  ) {
    this.reoffers = new Reoffers(session, () => this.confirmed);
  }

  listen(to: CallListener): void {
    const { session } = this;
    session.on("confirmed", () => {
      this.confirmed = true;
      to.answered();
      if (session.connection) this.watch(session.connection);
    });
    const ended = () => {
      this.over = true;
      clearTimeout(this.timer);
      to.ended();
    };
    // Asterisk heard nothing of us for as long as it waits, and says so where its BYE arrives.
    session.on("ended", ({ originator, message }: Ending) => {
      if (originator !== "remote" || !NO_SOUND.test(message?.getHeader?.("Reason") ?? "")) return ended();
      this.over = true;
      clearTimeout(this.timer);
      to.lost();
    });
    session.on("failed", ended);
    this.lost = () => {
      if (this.over) return;
      to.lost();
      this.giveUp();
    };
    session.on("peerconnection", ({ peerconnection }: { peerconnection: RTCPeerConnection }) => {
      peerconnection.addEventListener("track", (event: RTCTrackEvent) => to.sound(event.streams[0] ?? new MediaStream([event.track])));
    });
    session.on("icecandidate", leaves(asksServers));
  }

  /**
   * Asterisk may have been restarted: it says nothing of calls that it does not know any more. What rings cannot be
   * answered over another WebSocket. Who talks goes on for as long as something comes from Asterisk.
   */
  lineBroke(): void {
    const connection = this.session.connection;
    if (!this.confirmed || !connection) {
      this.lost();
      return;
    }
    this.brokeAt = performance.now();
    this.watch(connection);
  }

  /**
   * Over another WebSocket: Asterisk would go on writing to the one before, whose other end it has not heard the end of, and a caller
   * who hangs up would not be heard of. It is told where this phone is now; or says that it has no such call any more.
   */
  lineIsBack(): void {
    if (this.over || !this.confirmed) return;
    const extraHeaders = [`Contact: ${this.session.contact}`];
    this.session.sendRequest("UPDATE", { extraHeaders, eventHandlers: { onDialogError: () => this.lost() } });
  }

  /** From the answer on: who talks into a connection that is cut must not be left there, nor the caller with them. */
  private watch(connection: RTCPeerConnection): void {
    clearTimeout(this.timer);
    if (!this.watched) connection.addEventListener("iceconnectionstatechange", () => this.watch(connection));
    this.watched = true;
    if (this.over || !CUT.includes(connection.iceConnectionState)) {
      this.cutAt = null;
      return;
    }
    const now = performance.now();
    if (this.cutAt === null) this.doubt();
    this.cutAt ??= now;
    const broke = this.brokeAt !== null && now - Math.max(this.cutAt, this.brokeAt) >= GONE_MS;
    const gone = now - this.cutAt >= CUT_MS && isGone(lookAt(connection));
    if (broke || gone) this.lost();
    else this.timer = setTimeout(() => this.watch(connection), LOOK_MS);
  }

  answer(microphone: MediaStream): void {
    this.session.answer({ mediaStream: microphone, pcConfig: peerConfig() });
  }

  hangUp(): void {
    if (!this.session.isEnded()) this.session.terminate();
  }

  giveUp(): void {
    if (!this.session.isEnded()) this.session.terminate(this.confirmed ? { extraHeaders: [LOST] } : {});
  }

  refuse(): void {
    this.over = true; // another call is on, and stays the one that is watched
    this.session.terminate({ status_code: BUSY_HERE });
  }

  send(key: string): boolean {
    try {
      this.session.sendDTMF(key, { duration: TONE_MS, transportType: this.inBand });
    } catch {
      return false; // InvalidStateError: the browser has nobody to send it to, while the call is made or ends
    }
    return true;
  }

  refer(extension: string, told: (status: number | null) => void): void {
    const last = ({ status_line }: { status_line: Status }) => told(status_line.status_code);
    const sent = this.session.refer(`sip:${extension}@${this.domain}`, {
      eventHandlers: {
        requestFailed: ({ response }) => told(response?.status_code ?? null),
        accepted: last,
        failed: last,
      },
    });
    if (sent === false) told(null);
  }

  hold(wanted: boolean, told: (outcome: Outcome) => void): void {
    this.reoffers.hold(wanted, told);
  }

  silentMs(): number {
    const { connection } = this.session;
    return connection ? lookAt(connection).silentMs : Infinity;
  }

  connection(): RTCPeerConnection | null {
    return this.session.connection;
  }

  gone(): boolean {
    const { connection } = this.session;
    return this.confirmed && connection !== null && isGone(lookAt(connection));
  }
}
