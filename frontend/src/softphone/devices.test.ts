// @vitest-environment happy-dom
import { beforeEach, expect, it } from "vitest";
import { absent, ANY, choose, chosen, find, inputs, listed, openMicrophone, outputs } from "./devices";

const device = (kind: MediaDeviceKind, deviceId: string, label: string) =>
  ({ kind, deviceId, label, groupId: "" }) as MediaDeviceInfo;
const HEADSET = { id: "a1", label: "Headset" };
const BUILT_IN = { id: "b2", label: "Built-in" };

beforeEach(() => {
  localStorage.clear();
  for (const use of ["microphone", "headset", "bell"] as const) choose(use, ANY);
  inputs.value = outputs.value = [];
});

it("lists what can be told apart: no pointers, none without an id", () => {
  const found = [
    device("audioinput", "default", "Default - Headset"),
    device("audioinput", "communications", "Communications - Headset"),
    device("audioinput", "a1", "Headset"),
    device("audiooutput", "o1", "Speakers"),
    device("audioinput", "", ""),
  ];
  expect(listed(found, "audioinput")).toEqual([HEADSET]);
  expect(listed(found, "audiooutput")).toEqual([{ id: "o1", label: "Speakers" }]);
});

it("finds a device again by its id, else by a name that only one has", () => {
  expect(find(HEADSET, [BUILT_IN, HEADSET])).toEqual(HEADSET);
  expect(find(HEADSET, [{ id: "new", label: "Headset" }])).toEqual({ id: "new", label: "Headset" });
  expect(find(HEADSET, [{ id: "x", label: "Headset" }, { id: "y", label: "Headset" }])).toBeNull();
  expect(find(HEADSET, [BUILT_IN])).toBeNull();
  expect(find(ANY, [BUILT_IN])).toBeNull();
  expect(find({ id: "gone", label: "" }, [{ id: "z", label: "" }])).toBeNull();
});

it("keeps a choice, and says when it is not plugged in", () => {
  choose("microphone", HEADSET);
  expect(JSON.parse(localStorage.getItem("kakehashi.devices") ?? "")).toMatchObject({ microphone: HEADSET });
  expect(chosen.value.bell).toEqual(ANY);
  expect(absent("microphone")).toBeNull(); // nothing is known yet: nothing is claimed
  inputs.value = [BUILT_IN];
  expect(absent("microphone")).toEqual(HEADSET);
  inputs.value = [BUILT_IN, HEADSET];
  expect(absent("microphone")).toBeNull();
});

it("opens the chosen microphone, another when that one went, and hides no other error", async () => {
  const asked: unknown[] = [];
  let fails: string | null = null;
  const media = {
    enumerateDevices: async () => [device("audioinput", "a1", "Headset"), device("audioinput", "b2", "Built-in")],
    getUserMedia: async ({ audio }: MediaStreamConstraints) => {
      asked.push(audio);
      if (fails && audio !== true) throw new DOMException("no", fails);
      return {} as MediaStream;
    },
  };
  Object.defineProperty(navigator, "mediaDevices", { value: media, configurable: true });
  await openMicrophone();
  choose("microphone", HEADSET);
  await openMicrophone();
  fails = "OverconstrainedError";
  await openMicrophone();
  const exact = { deviceId: { exact: "a1" } };
  expect(asked).toEqual([true, exact, exact, true]);
  fails = "NotReadableError"; // in use by another program: to be said, not worked around
  await expect(openMicrophone()).rejects.toMatchObject({ name: "NotReadableError" });
  choose("microphone", { id: "gone", label: "Gone" });
  await openMicrophone();
  expect(asked.at(-1)).toBe(true);
});
