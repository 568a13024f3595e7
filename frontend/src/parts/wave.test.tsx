// @vitest-environment happy-dom
import { cleanup, fireEvent, render } from "@testing-library/preact";
import { afterEach, expect, it } from "vitest";
import { choose } from "../i18n";
import { Wave } from "./wave";

afterEach(cleanup);

it("tells a screen reader where it is when it stands, is moved or is come to, and not each second that it plays", () => {
  choose("en");
  const at = (position: number, playing: boolean) => (
    <Wave
      peaks={null}
      position={position}
      length={94}
      view={{ from: 0, to: 94 }}
      remarks={[]}
      playing={playing}
      onSeek={() => undefined}
      onStep={() => undefined}
    />
  );
  const { getByRole, rerender } = render(at(3, false));
  const said = () => getByRole("slider").getAttribute("aria-valuetext");
  expect(said()).toBe("0:03 / 1:34");
  rerender(at(4, true));
  rerender(at(5, true));
  expect(said()).toBe("0:03 / 1:34");
  fireEvent.focus(getByRole("slider"));
  expect(said()).toBe("0:05 / 1:34");
  rerender(at(6, true));
  fireEvent.keyDown(getByRole("slider"), { key: "ArrowRight" });
  rerender(at(11, true));
  rerender(at(12, true));
  expect(said()).toBe("0:11 / 1:34");
  rerender(at(13, false));
  expect(said()).toBe("0:13 / 1:34");
});
