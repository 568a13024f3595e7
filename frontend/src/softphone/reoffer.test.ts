import { afterEach, expect, it, vi } from "vitest";
import { type Guarded, type Outcome, Reoffers } from "./reoffer";

// JsSIP itself: what is guarded here is what this version of it does.
const RTCSession = (await import("jssip/lib/RTCSession.js" as string)).default as {
  new (agent: object): Real;
  C: { STATUS_CONFIRMED: number; STATUS_TERMINATED: number };
};

interface Handlers {
  onSuccessResponse(response: object): void;
  onErrorResponse(response: object): void;
  onTransportError(): void;
  onRequestTimeout(): void;
  onDialogError(): void;
}
interface Real extends Guarded {
  _status: number;
  _dialog: object;
  _connection: object;
  _contact: string;
  on(kind: string, listener: () => void): void;
}

interface Sent {
  method: string;
  body: string;
  handlers: Handlers;
}

const OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendrecv\r\n";

function talk() {
  const track = { kind: "audio", enabled: true };
  const connection = {
    signalingState: "stable",
    iceGatheringState: "complete",
    localDescription: { sdp: OFFER },
    getSenders: () => [{ track }],
    createOffer: async () => ({ type: "offer", sdp: OFFER }),
    setLocalDescription: async ({ type }: { type: string }) => {
      connection.signalingState = type === "rollback" ? "stable" : "have-local-offer";
    },
    setRemoteDescription: async () => {
      connection.signalingState = "stable";
    },
  };
  const sent: Sent[] = [];
  const session = new RTCSession({ contact: { toString: () => "<sip:x@y.invalid>" }, configuration: {}, destroyRTCSession: () => undefined });
  session._status = RTCSession.C.STATUS_CONFIRMED;
  session._connection = connection;
  session._dialog = {
    uac_pending_reply: false,
    uas_pending_reply: false,
    isTerminated: () => false,
    sendRequest: (method: string, about?: { body: string; eventHandlers: Handlers }) =>
      sent.push({ method, body: about?.body ?? "", handlers: about?.eventHandlers as Handlers }),
    terminate: () => undefined,
  };
  const over = vi.fn();
  session.on("ended", over);
  const outcomes: Outcome[] = [];
  const reoffers = new Reoffers(session, () => true);
  return { session, connection, sent, over, outcomes, hold: (wanted: boolean) => reoffers.hold(wanted, (outcome) => outcomes.push(outcome)) };
}

const settled = () => new Promise((done) => setTimeout(done, 5));
const OK = {
  status_code: 200,
  body: OFFER,
  hasHeader: () => true,
  getHeader: () => "application/sdp",
};

vi.stubGlobal("RTCSessionDescription", class { constructor(readonly about: object) {} });
afterEach(() => void vi.restoreAllMocks());

it("asks for music and for the caller, and says when Asterisk has agreed", async () => {
  const one = talk();
  one.hold(true);
  await settled();
  expect([one.sent.at(-1)?.method, one.sent.at(-1)?.body]).toEqual(["INVITE", expect.stringContaining("a=sendonly")]);
  one.sent.at(-1)?.handlers.onSuccessResponse(OK);
  await settled();
  expect([one.outcomes, one.sent.at(-1)?.method]).toEqual([["done"], "ACK"]);
  one.hold(false);
  await settled();
  expect(one.sent.at(-1)?.body).toContain("a=sendrecv");
  one.sent.at(-1)?.handlers.onSuccessResponse(OK);
  await settled();
  expect([one.outcomes, one.over.mock.calls]).toEqual([["done", "done"], []]);
});

it.each([
  ["refused", (to: Handlers) => to.onErrorResponse({ status_code: 488 })],
  ["refused", (to: Handlers) => to.onSuccessResponse({ ...OK, body: "" })],
  ["silent", (to: Handlers) => to.onTransportError()],
  ["silent", (to: Handlers) => to.onRequestTimeout()],
  ["silent", (to: Handlers) => to.onDialogError()],
] as const)("a hold that fails ends no call, and can be tried again (%s)", async (outcome, fail) => {
  const one = talk();
  one.hold(true);
  await settled();
  fail(one.sent.at(-1)!.handlers);
  await settled();
  expect([one.outcomes, one.over.mock.calls, one.connection.signalingState]).toEqual([[outcome], [], "stable"]);
  expect(one.sent.map((request) => request.method)).not.toContain("BYE");
  one.hold(outcome === "refused"); // what was not answered may be a hold: the caller is asked for
  await settled();
  expect(one.sent.at(-1)?.body).toContain(outcome === "refused" ? "a=sendonly" : "a=sendrecv");
});

it("a resume that fails leaves the caller on hold, and can be tried again", async () => {
  const one = talk();
  one.hold(true);
  await settled();
  one.sent.at(-1)?.handlers.onSuccessResponse(OK);
  await settled();
  for (const fail of [(to: Handlers) => to.onErrorResponse({ status_code: 503 }), (to: Handlers) => to.onRequestTimeout()]) {
    one.hold(false);
    await settled();
    expect(one.sent.at(-1)?.body).toContain("a=sendrecv");
    fail(one.sent.at(-1)!.handlers);
    await settled();
  }
  expect([one.outcomes, one.over.mock.calls]).toEqual([["done", "refused", "silent"], []]);
});

it("one at a time; and a person still hangs up meanwhile", async () => {
  const one = talk();
  one.hold(true);
  one.hold(false);
  expect(one.outcomes).toEqual(["refused"]);
  one.session.terminate();
  expect(one.over).toHaveBeenCalledTimes(1);
});

it("no other request that came to nothing ends a talk, and all end a call that was not answered", () => {
  const ended: (string | undefined)[] = [];
  let confirmed = false;
  const session = { terminate: (about?: { cause?: string }) => void ended.push(about?.cause) } as unknown as Guarded;
  new Reoffers(session, () => confirmed);
  session.terminate({ cause: "Request Timeout" });
  confirmed = true;
  session.terminate({ cause: "Request Timeout" }); // of a REFER, say
  session.terminate();
  expect(ended).toEqual(["Request Timeout", undefined]);
});
