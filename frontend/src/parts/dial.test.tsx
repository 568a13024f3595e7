// @vitest-environment happy-dom
import { render, screen, waitFor } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { dialling, forgetDialling, lookDialling } from "../dial";
import { choose } from "../i18n";
import { connection, leave } from "../session";
import { DialBox } from "./dial";

let away = false;
let held: Promise<void> | null = null;

beforeEach(() => {
  choose("en");
  forgetDialling();
  vi.stubGlobal("fetch", async (path: string) => {
    if (path !== "/api/my/dial") return new Response(null, { status: 204 });
    if (away) throw new TypeError("no network");
    await held;
    return new Response(JSON.stringify({ number: "+815012345000", left: 29 }), { status: 200 });
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  away = false;
  held = null;
});

it("shows the field when the server is back that was away at the first look", async () => {
  away = true;
  connection.value = "open";
  render(<DialBox />);
  await lookDialling();
  expect(screen.queryByRole("textbox")).toBeNull();
  connection.value = "lost";
  await waitFor(() => expect(dialling.value).toBeNull());
  away = false;
  connection.value = "open";
  await waitFor(() => expect(screen.getByRole("textbox")).toBeTruthy());
});

it("is nobody's after a log-out, nor is an answer that comes later", async () => {
  await lookDialling();
  expect(dialling.value?.left).toBe(29);
  let answer = () => undefined as void;
  held = new Promise((resolve) => (answer = resolve));
  const late = lookDialling();
  await leave();
  expect(dialling.value).toBeNull();
  answer();
  await late;
  expect(dialling.value).toBeNull();
});
