/** Lists that supervisors keep on the page: how each begins, and how the form for something new ends. */
import type { RefObject } from "preact";
import { t } from "../i18n";
import { Trouble } from "./asked";

interface KeptHeadProps {
  id: string; // of the heading, which names the section
  title: string;
  count: number;
  create: string; // what the button that opens the form says
  open: boolean;
  opener: RefObject<HTMLButtonElement>; // where the focus returns to when the form closes
  onOpen: () => void;
}

export function KeptHead({ id, title, count, create, open, opener, onOpen }: KeptHeadProps) {
  return (
    <div class="agents-head">
      <h2 id={id}>
        {title} {count > 0 && <small>{count}</small>}
      </h2>
      <button type="button" class="small" ref={opener} aria-expanded={open} onClick={onOpen}>
        {create}
      </button>
    </div>
  );
}

interface FormEndProps {
  busy: boolean;
  problem: unknown;
  action: string; // what the button that sends it says
  cancel: () => void;
}

export function FormEnd({ busy, problem, action, cancel }: FormEndProps) {
  return (
    <>
      <div class="choices whole">
        <button type="button" onClick={cancel}>
          {t("talk.cancel")}
        </button>
        <button class="primary" aria-disabled={busy ? "true" : undefined}>
          {action}
        </button>
      </div>
      <div class="whole">
        <Trouble of={problem} />
      </div>
    </>
  );
}
