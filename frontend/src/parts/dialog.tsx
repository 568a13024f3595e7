/** A window in the page: opened by being drawn, closed by Esc or its button; the focus goes back to where it was. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { Act, Trouble, useSending } from "./asked";

export function Dialog(props: {
  title: string;
  onClose: () => void;
  buttons?: ComponentChildren; // beside "close"
  children: ComponentChildren;
}) {
  const { title, onClose, buttons, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      shown?.close(); // while it is open nothing behind it takes the focus
      if (before instanceof HTMLElement && before.isConnected) before.focus();
      else document.getElementById("main")?.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="help dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id} class="clamp" title={title}>
        <bdi>{title}</bdi>
      </h2>
      {children}
      <div class="dialog-end">
        <button type="button" onClick={onClose}>
          {t("close")}
        </button>
        {buttons}
      </div>
    </dialog>
  );
}

/** Asks before something that cannot be undone. */
export function Confirm(props: {
  title: string;
  text: string;
  action: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const { title, text, action, onConfirm, onClose, children } = props;
  const { busy, problem, send } = useSending();
  const confirm = async () => {
    if (await send(onConfirm)) onClose();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      buttons={
        <Act class="danger" busy={busy} onAct={() => void confirm()}>
          {action}
        </Act>
      }
    >
      <p>{text}</p>
      {children}
      <Trouble of={problem} />
    </Dialog>
  );
}
