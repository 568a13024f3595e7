// @vitest-environment happy-dom
import { render } from "@testing-library/preact";
import { h } from "preact";
import { beforeEach, expect, it } from "vitest";
import { allowCharacterKeys, keysNow, type Shortcut, shortcutFor, useKeys } from "./keys";

const pressed: string[] = [];
const shortcut = (key: string, name = key): Shortcut => ({ key, does: "keys.help", run: () => pressed.push(name) });

function Page({ keys }: { keys: Shortcut[] }) {
  useKeys(keys);
  return null;
}

/** Dispatches a key at an element of that markup and says what ran. */
function press(key: string, markup = "<p></p>", more: KeyboardEventInit = {}): string[] {
  const holder = document.createElement("div");
  holder.innerHTML = markup;
  document.body.append(holder);
  pressed.length = 0;
  holder.firstElementChild?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more }));
  return [...pressed];
}

beforeEach(() => {
  document.body.innerHTML = "";
  allowCharacterKeys(true);
});

it("asks the innermost page first, and forgets pages that are gone", () => {
  const outer = render(h(Page, { keys: [shortcut("n", "outer"), shortcut("q")] }));
  const inner = render(h(Page, { keys: [shortcut("n", "inner")] }));
  expect(press("n")).toEqual(["inner"]);
  expect(press("q")).toEqual(["q"]);
  expect(keysNow().map((one) => one.key), "each key is listed once").toEqual(["n", "q"]);
  inner.unmount();
  expect(press("n")).toEqual(["outer"]);
  outer.unmount();
  expect(press("n")).toEqual([]);
  expect(keysNow()).toEqual([]);
});

it("runs what the page shows now, not what it showed first", () => {
  const page = render(h(Page, { keys: [shortcut("n", "old")] }));
  page.rerender(h(Page, { keys: [shortcut("n", "new")] }));
  expect(press("n")).toEqual(["new"]);
  page.unmount();
});

it("leaves keys to whatever has the focus and needs them", () => {
  const page = render(h(Page, { keys: [shortcut("n"), shortcut(" "), shortcut("ArrowLeft"), shortcut("Escape")] }));
  expect(press("n", "<input>")).toEqual([]);
  expect(press("n", "<select></select>")).toEqual([]);
  expect(press("n", "<button></button>")).toEqual(["n"]);
  expect(press(" ", "<button></button>")).toEqual([]);
  expect(press(" ", "<p></p>")).toEqual([" "]);
  expect(press("ArrowLeft", '<canvas role="slider"></canvas>')).toEqual([]);
  expect(press("ArrowLeft", "<button></button>")).toEqual(["ArrowLeft"]);
  expect(press("n", "<p></p>", { ctrlKey: true })).toEqual([]);
  expect(press("n", "<p></p>", { isComposing: true })).toEqual([]);
  page.unmount();
});

it("keeps keys that are no characters when characters are switched off", () => {
  const page = render(h(Page, { keys: [shortcut("n"), shortcut("Escape"), shortcut(" ")] }));
  allowCharacterKeys(false);
  expect(press("n")).toEqual([]);
  expect(press("Escape")).toEqual(["Escape"]);
  expect(press(" ")).toEqual([" "]);
  expect(localStorage.getItem("kakehashi.keys")).toBe("off");
  page.unmount();
});

it("hears function keys wherever the cursor is, in the note of a call too", () => {
  const page = render(h(Page, { keys: [shortcut("F2"), shortcut("F8"), shortcut("F9")] }));
  for (const key of ["F2", "F8", "F9"]) {
    expect(press(key, '<textarea class="call-note"></textarea>')).toEqual([key]);
    expect(press(key, "<input>")).toEqual([key]);
  }
  // While kana are converted these keys are the input method's.
  expect(press("F8", "<textarea></textarea>", { isComposing: true })).toEqual([]);
  page.unmount();
});

it("never throws for a key that nobody knows", () => {
  expect(shortcutFor(new KeyboardEvent("keydown", { key: "Process" }))).toBeNull();
});
