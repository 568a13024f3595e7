// @vitest-environment happy-dom
import { cleanup, render } from "@testing-library/preact";
import { afterEach, beforeEach, expect, it } from "vitest";
import { choose } from "../i18n";
import { connection, me, socketBlocked } from "../session";
import type { Me } from "../wire";
import { Frame } from "./frame";

beforeEach(() => choose("ja"));
afterEach(cleanup);

it("says what is wrong with the line: away, or a network that lets no WebSocket through, in both languages", () => {
  const said = () => {
    me.value = { user: { roles: ["agent"] } } as unknown as Me;
    const { container } = render(<Frame>{null}</Frame>);
    const text = container.querySelector(".offline")?.textContent;
    cleanup();
    return text;
  };
  expect(said()).toBe("");
  connection.value = "lost";
  expect(said()).toContain("再接続");
  expect(said()).not.toContain("WebSocket");
  socketBlocked.value = true;
  expect(said()).toContain("WebSocketが通らない");
  choose("en");
  expect(said()).toContain("ask your administrator to let /api/socket through");
  connection.value = "connecting";
  socketBlocked.value = false;
});

/** The links of the bar for somebody with these roles, the current one in brackets. */
function bar(path: string, ...roles: string[]): string[] {
  history.replaceState(null, "", path);
  me.value = { tenant: "demo", tenant_name: "demo", user: { login: "x", name: "x", roles, must_change: false } } as unknown as Me;
  const { container } = render(<Frame>{null}</Frame>);
  return [...container.querySelectorAll("header nav a")].map((one) => (one.hasAttribute("aria-current") ? `[${one.textContent}]` : String(one.textContent)));
}

it("says where one is on each page of the evaluations", () => {
  expect(bar("/evaluation-forms", "supervisor")).toEqual(["キュー", "[評価]"]);
  cleanup();
  expect(bar("/evaluation-samples", "qa")).toEqual(["録音", "[評価]"]);
  cleanup();
  expect(bar("/my-evaluations", "agent")).toEqual(["デスク", "キュー", "[自分の評価]"]);
});

it("leads an administrator, who scores nothing, to the forms", () => {
  expect(bar("/queues", "admin")).toEqual(["[キュー]", "評価票"]);
  cleanup();
  expect(bar("/evaluation-forms/members", "admin")).toEqual(["キュー", "[評価票]"]);
  cleanup();
  expect(bar("/queues", "admin", "supervisor")).toEqual(["[キュー]", "評価"]);
});

it("leads who answers for recordings to their pages by right, and nobody else", () => {
  const withRights = (path: string, rights: string[], ...roles: string[]) => {
    history.replaceState(null, "", path);
    me.value = { tenant: "demo", tenant_name: "demo", rights, user: { login: "x", name: "x", roles, must_change: false } } as unknown as Me;
    const { container } = render(<Frame>{null}</Frame>);
    const links = [...container.querySelectorAll("header nav a")].map((one) => one.textContent);
    cleanup();
    return links;
  };
  expect(withRights("/privacy/holds", ["delete", "hold", "person", "trail", "unredacted"], "privacy")).toEqual(["録音", "保全・監査"]);
  expect(withRights("/queues", ["trail", "unredacted"], "admin")).toEqual(["キュー", "評価票", "保全・監査"]);
  expect(withRights("/qa", ["listen"], "qa")).toEqual(["録音", "評価"]);
});
