/** The list of keys, opened with "?" or the button of that name. */
import { useRef, useState } from "preact/hooks";
import { t } from "../i18n";
import { allowCharacterKeys, characterKeys, keysNow, type Shortcut, useKeys } from "../keys";

const names: Record<string, string> = { " ": "Space", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [listed, setListed] = useState<Shortcut[]>([]);
  const open = () => {
    setListed(keysNow());
    if (!dialog.current?.open) dialog.current?.showModal();
  };
  useKeys([{ key: "?", does: "keys.help", run: open }]);
  return (
    <>
      <button type="button" class="quiet round" aria-label={t("keys.title")} title={t("keys.title")} onClick={open}>
        ?
      </button>
      <dialog ref={dialog} class="help" aria-labelledby="help-title">
        <h2 id="help-title">{t("keys.title")}</h2>
        <dl class="key-list">
          {listed.map((one) => (
            <div key={one.key}>
              <dt>
                <kbd>{names[one.key] ?? one.key}</kbd>
              </dt>
              <dd>{t(one.does)}</dd>
            </div>
          ))}
        </dl>
        <p class="note">{t("keys.always")}</p>
        <label class="check">
          <input
            type="checkbox"
            checked={characterKeys.value}
            onChange={(event) => allowCharacterKeys(event.currentTarget.checked)}
          />
          {t("keys.allow")}
        </label>
        <form method="dialog" class="spread">
          <span />
          <button class="primary" autofocus>
            {t("close")}
          </button>
        </form>
      </dialog>
    </>
  );
}
