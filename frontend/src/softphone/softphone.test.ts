// @vitest-environment happy-dom
import { beforeEach, expect, it, vi } from "vitest";
import type { CallListener, LineCall, LineListener } from "./line";

let line: LineListener;
vi.mock("./line", () => ({
  openLine: async (_: unknown, listener: LineListener) => {
    line = listener;
    return { stop: () => undefined };
  },
}));
vi.mock("./meter", () => ({ listen: () => undefined }));
vi.mock("./ring", () => ({ makeBell: () => ({ start: () => undefined, stop: () => undefined, once: () => undefined }) }));
vi.mock("./quality", () => ({ measure: () => () => undefined }));

let open: () => Promise<MediaStream>;
vi.mock("./devices", async (load) => ({ ...(await load<object>()), openMicrophone: () => open(), playOn: () => undefined }));
Object.defineProperty(navigator, "mediaDevices", { value: new EventTarget(), configurable: true });
const locks = { request: async (_: string, __: unknown, work: () => Promise<void>) => work() };
Object.defineProperty(navigator, "locks", { value: locks, configurable: true });

const { api } = await import("../api");
const mine = { phone: "browser" as const, auto_answer: { agent: "always" as const, queues: {} }, taken: false, ice: { servers: [], relay_only: false } };
const myPhone = vi.spyOn(api, "myPhone").mockResolvedValue(mine);
vi.spyOn(api, "phoneLogIn").mockResolvedValue({} as never);
const phoneIsHere = vi.spyOn(api, "phoneIsHere").mockResolvedValue(new Response());
const phone = await import("./softphone");
const own = await import("./microphone");
const { talkedHere } = await import("./back");
const { passing } = await import("./passing");
const { holding, notHeld } = await import("./holding");
const { cutOff } = await import("./gone");
const { peerConfig, RENEW_MS } = await import("./ice");

class Track {
  enabled = true;
  readyState = "live";
  onended: (() => void) | null = null;
  stop(): void {
    this.readyState = "ended";
  }
  unplug(): void {
    this.stop();
    this.onended?.();
  }
}
class Stream {
  readonly track = new Track();
  getTracks = () => [this.track];
  getAudioTracks = () => [this.track];
}
const streamOf = (stream: Stream) => stream as unknown as MediaStream;

/** A call whose connection begins with the answer, as JsSIP's do. */
class Ringing implements LineCall {
  to: CallListener | null = null;
  sender: { track: unknown; replaceTrack(track: unknown): Promise<void> } | null = null;
  readonly queue: string | null = null;
  constructor(readonly comesBack = false) {}
  listen(to: CallListener): void {
    this.to = to;
  }
  answer(microphone: MediaStream): void {
    const made = { track: microphone.getAudioTracks()[0] as unknown, replaceTrack: async (track: unknown) => void (made.track = track) };
    this.sender = made;
  }
  hungUp = 0;
  hangUp = () => {
    this.hungUp += 1;
    this.to?.ended(); // at once, as JsSIP does
  };
  givenUp = 0;
  giveUp = () => {
    this.givenUp += 1;
    this.to?.ended();
  };
  refused = 0;
  refuse = () => void (this.refused += 1);
  send = () => true;
  referred: string[] = [];
  told: (status: number | null) => void = () => undefined;
  refer = (extension: string, told: (status: number | null) => void) => {
    this.referred.push(extension);
    this.told = told;
  };
  asked: boolean[] = [];
  holds: (outcome: "done" | "refused" | "silent") => void = () => undefined;
  hold = (wanted: boolean, told: Ringing["holds"]) => {
    this.asked.push(wanted);
    this.holds = told;
    const [track] = first.getAudioTracks();
    if (track) track.enabled = !wanted; // at once, as JsSIP does
  };
  silent = 0;
  silentMs = () => this.silent;
  isGone = false;
  gone = () => this.isGone;
  connection = () => (this.sender && { getSenders: () => [this.sender] }) as unknown as RTCPeerConnection | null;
}

const turns = async () => {
  for (let n = 0; n < 12; n += 1) await Promise.resolve();
};
let first: Stream;

beforeEach(async () => {
  vi.useFakeTimers();
  localStorage.clear();
  first = new Stream();
  open = async () => streamOf(first);
  await phone.startPhone();
  await turns();
  line.registered();
  expect(phone.line.value).toBe("ready");
});

it("sends the microphone that is plugged in, of a call that was answered while the browser opened it", async () => {
  const second = new Stream();
  let opened: (stream: MediaStream) => void = () => undefined;
  open = () => new Promise((resolve) => (opened = resolve));
  const call = new Ringing();
  line.incoming(call);
  first.track.unplug();
  phone.answer();
  opened(streamOf(second));
  await turns();
  call.to?.answered();
  await turns();
  expect(call.sender?.track).toBe(second.track);
});

it("sends the microphone of now where the connection came after it was plugged in", async () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  const { sender } = call;
  call.sender = null; // JsSIP is not so far yet
  const second = new Stream();
  open = async () => streamOf(second);
  first.track.unplug();
  await turns();
  call.sender = sender;
  call.to?.answered();
  await turns();
  expect(call.sender?.track).toBe(second.track);
});

it("answers nobody by itself while nobody would be heard; a person may, and a microphone that is back does", async () => {
  open = async () => {
    throw new DOMException("", "NotFoundError");
  };
  line.incoming(new Ringing());
  first.track.unplug();
  await turns();
  expect(own.unheard.value).toBe(true);
  await vi.advanceTimersByTimeAsync(5_000);
  phone.answerByItself();
  expect(phone.call.value).toBe("ringing");
  const second = new Stream();
  open = async () => streamOf(second);
  await own.swap(() => undefined, () => true);
  await vi.advanceTimersByTimeAsync(0);
  expect(phone.call.value).toBe("answering");
});

it("takes back by itself only what was on the line here, and not without a microphone", async () => {
  line.incoming(new Ringing(true));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(phone.call.value).toBe("ringing"); // "always" is for new calls: nobody may sit here
  phone.hangUp();
  for (const heard of [true, false]) {
    open = async () => streamOf(new Stream());
    await phone.startPhone();
    await turns();
    line.registered();
    localStorage.setItem("kakehashi.talk", String(Date.now()));
    expect(talkedHere()).toBe(true);
    own.unheard.value = !heard;
    line.incoming(new Ringing(true));
    expect(phone.call.value).toBe(heard ? "answering" : "ringing");
  }
});

it("says that the phone is elsewhere, and takes it back only when told to", async () => {
  const asked = vi.mocked(api.phoneLogIn).mock.calls.length;
  myPhone.mockResolvedValue({ ...mine, taken: true });
  line.rejected();
  line.rejected();
  await turns();
  expect(phone.line.value).toBe("taken");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(phone.line.value).toBe("taken");
  expect(vi.mocked(api.phoneLogIn).mock.calls.length).toBe(asked);
  myPhone.mockResolvedValue(mine);
  phone.tryAgain();
  await turns();
  line.registered();
  expect(phone.line.value).toBe("ready");
  expect(vi.mocked(api.phoneLogIn).mock.calls.length).toBe(asked + 1);
});

it("says that Asterisk refuses it where nobody took it, or nobody can tell", async () => {
  myPhone.mockRejectedValueOnce(new Error("away"));
  line.rejected();
  await turns();
  expect(phone.line.value).toBe("refused");
});

it("keeps the call that is on when the phone is taken elsewhere", async () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  call.to?.answered();
  myPhone.mockResolvedValueOnce({ ...mine, taken: true });
  line.rejected();
  await turns();
  expect([phone.line.value, phone.call.value]).toEqual(["taken", "talking"]);
});

it("asks for log-ins of TURN again before they lapse, and stops with the phone", async () => {
  const asked = () => myPhone.mock.calls.length;
  const before = asked();
  const servers = [{ urls: ["turn:turn.example.com"], username: "1:sato", credential: "c" }];
  myPhone.mockResolvedValueOnce({ ...mine, ice: { servers, relay_only: true } });
  await vi.advanceTimersByTimeAsync(RENEW_MS);
  expect(peerConfig()).toEqual({ iceServers: servers, iceTransportPolicy: "relay" });
  await vi.advanceTimersByTimeAsync(RENEW_MS);
  expect(asked()).toBe(before + 2);
  expect(peerConfig().iceServers).toEqual([]);
  phone.stopPhone();
  await vi.advanceTimersByTimeAsync(2 * RENEW_MS);
  expect(asked()).toBe(before + 2);
});

it("keeps its call when the same person logs in again, begins anew after it, and ends with another person's log-in", async () => {
  const talks = () => {
    const made = new Ringing();
    line.incoming(made);
    phone.answer();
    made.to?.answered();
    return made;
  };
  const call = talks();
  const asked = vi.mocked(api.phoneLogIn).mock.calls.length;
  phone.stopPhone(false); // the log-in ended
  await phone.startPhone(true);
  expect([call.hungUp, phone.call.value, phone.line.value]).toEqual([0, "talking", "ready"]);
  call.to?.ended();
  await turns();
  expect(vi.mocked(api.phoneLogIn).mock.calls.length).toBe(asked + 1);
  line.registered();
  expect(phone.line.value).toBe("ready");

  const second = talks();
  await phone.startPhone(true);
  second.to?.ended();
  const third = new Ringing(true); // in the same moment: whom it lost comes back
  line.incoming(third);
  await turns();
  expect([third.hungUp, phone.call.value]).toEqual([0, "ringing"]);
  third.to?.ended();
  await turns();
  expect(vi.mocked(api.phoneLogIn).mock.calls.length).toBe(asked + 2);
  line.registered();

  talks();
  await phone.startPhone(); // somebody else
  expect(phone.call.value).toBe("none");
});

it("goes off after the call of a log-in that ended, and drops what only rings at once", async () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  phone.stopPhone(false);
  expect([call.hungUp, phone.call.value]).toEqual([0, "answering"]);
  call.to?.ended();
  await turns();
  expect(phone.line.value).toBe("off");
  await phone.startPhone();
  await turns();
  line.registered();
  const rings = new Ringing();
  line.incoming(rings);
  phone.stopPhone(false);
  expect([phone.call.value, phone.line.value]).toEqual(["none", "off"]);
});

it("takes back what was lost and not hung up; what only rang is lost for good", () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  call.to?.answered();
  call.to?.lost();
  expect([phone.call.value, talkedHere()]).toEqual(["none", true]);
  const back = new Ringing(true);
  line.incoming(back);
  expect(phone.call.value).toBe("answering");
  back.to?.answered();
  back.to?.ended();
  expect(talkedHere()).toBe(false);
  const another = new Ringing();
  line.incoming(another);
  another.to?.lost();
  expect([phone.call.value, talkedHere()]).toEqual(["none", false]);
});

it.each([[true], [false]])("lets go of a call that is over at Asterisk when somebody rings, and of no other (gone %s)", (gone) => {
  const before = new Ringing();
  line.incoming(before);
  phone.answer();
  before.to?.answered();
  before.isGone = gone;
  const next = new Ringing();
  line.incoming(next);
  expect([before.givenUp, next.refused, phone.call.value]).toEqual(gone ? [1, 0, "ringing"] : [0, 1, "talking"]);
  before.to?.ended(); // and whatever is said of it later
  expect(phone.call.value).toBe(gone ? "ringing" : "none");
});

it("takes its caller back by itself while it still believes in the call of before", async () => {
  const before = new Ringing();
  line.incoming(before);
  phone.answer();
  before.to?.answered();
  const back = new Ringing(true);
  line.incoming(back);
  expect([before.givenUp, back.refused, phone.call.value]).toEqual([1, 0, "answering"]);
});

it("does everything at the same time on a machine whose clock is an hour wrong", async () => {
  vi.setSystemTime(Date.now() + 3_600_000);
  const asked = myPhone.mock.calls.length;
  await vi.advanceTimersByTimeAsync(RENEW_MS - 1);
  expect(myPhone.mock.calls.length).toBe(asked);
  await vi.advanceTimersByTimeAsync(1);
  expect(myPhone.mock.calls.length).toBe(asked + 1);
});

it("says that it is a phone when it has become one, not each time that it stays one, nor while it rings", async () => {
  const asked = async () => {
    await vi.advanceTimersByTimeAsync(1_000);
    return phoneIsHere.mock.calls.length;
  };
  await asked();
  phoneIsHere.mockClear();
  line.registered(); // in time, as every two minutes
  expect(await asked()).toBe(0);
  line.disconnected();
  line.registered();
  expect(phoneIsHere).not.toHaveBeenCalled(); // what rings for this page may be on its way
  expect(await asked()).toBe(1);
  line.disconnected();
  line.registered();
  line.incoming(new Ringing());
  expect(await asked()).toBe(1);
});

it("passes its caller on by itself and hangs up when Asterisk has them, not before, nor without a line or a talk", () => {
  const call = new Ringing();
  line.incoming(call);
  phone.passOn("demo-suzuki", "Suzuki"); // it rings
  phone.answer();
  call.to?.answered();
  line.disconnected();
  phone.passOn("demo-suzuki", "Suzuki");
  expect(call.referred).toEqual([]);
  line.registered();
  phone.passOn("demo-suzuki", "Suzuki");
  expect([call.referred, passing.value?.state, call.hungUp]).toEqual([["demo-suzuki"], "asked", 0]);
  call.told(404);
  expect([passing.value?.state, call.hungUp, phone.call.value]).toEqual(["nobody", 0, "talking"]);
  phone.passOn("queue-roadside", "Roadside");
  call.told(200);
  expect([passing.value, call.hungUp, phone.call.value]).toEqual([{ to: "Roadside", state: "passed" }, 1, "none"]);
  line.incoming(new Ringing());
  expect(passing.value).toBeNull();
});

it("lets go of no later call when Asterisk speaks of an earlier one", () => {
  const before = new Ringing();
  line.incoming(before);
  phone.answer();
  before.to?.answered();
  phone.passOn("demo-suzuki", "Suzuki");
  before.to?.ended();
  expect(passing.value?.state).toBe("gone");
  const next = new Ringing();
  line.incoming(next);
  phone.answer();
  next.to?.answered();
  before.told(200);
  expect([next.hungUp, phone.call.value, passing.value]).toEqual([0, "talking", null]);
});

it("nobody is heard from the hold to the end of the resume; who was muted stays so", () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  call.to?.answered();
  phone.hold(true);
  expect([call.asked, first.track.enabled]).toEqual([[true], false]);
  call.holds("done");
  phone.setMuted(true);
  phone.setMuted(false);
  expect(first.track.enabled).toBe(false);
  phone.hold(false);
  expect([call.asked, first.track.enabled]).toEqual([[true, false], false]);
  call.holds("done");
  expect(first.track.enabled).toBe(true);
  phone.setMuted(true);
  phone.hold(true);
  call.holds("refused");
  expect(first.track.enabled).toBe(false);
  phone.setMuted(false);
  expect(first.track.enabled).toBe(true);
});

it("holds nobody without a line to Asterisk, nor whom the dialplan has on hold; and a call that ends takes its hold along", () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  phone.hold(true);
  call.to?.answered();
  line.disconnected();
  phone.hold(true);
  line.registered();
  call.silent = 1_500;
  phone.hold(true, true);
  expect([call.asked, notHeld.value?.why]).toEqual([[], "not_here"]);
  call.silent = 20;
  phone.hold(true, true);
  expect(call.asked).toEqual([true]);
  call.to?.ended();
  expect([holding.value, notHeld.value, first.track.enabled]).toEqual(["no", null, true]);
  const next = new Ringing();
  line.incoming(next);
  phone.answer();
  next.to?.answered();
  call.holds("done"); // a late word about the call before
  expect([holding.value, first.track.enabled]).toEqual(["no", true]);
});

it("says that sound broke off, of a call that was given up while Asterisk was there, until it rings again", () => {
  const call = new Ringing();
  line.incoming(call);
  phone.answer();
  call.to?.answered();
  call.to?.lost();
  expect([phone.call.value, cutOff.value]).toEqual(["none", true]);
  vi.advanceTimersByTime(3_000);
  const again = new Ringing();
  line.incoming(again);
  expect(cutOff.value).toBe(false);
  vi.advanceTimersByTime(10_000);
  expect(phone.call.value).toBe("ringing"); // not answered by itself: it may break off again
  again.to?.ended();
  line.incoming(new Ringing());
  vi.advanceTimersByTime(10_000);
  expect(phone.call.value).toBe("answering");
});
