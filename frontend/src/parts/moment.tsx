/** A second of a call as an address for a colleague. Who may not hear recordings is told so there. */
import { useEffect, useState } from "preact/hooks";
import { duration, t } from "../i18n";
import { useKeys } from "../keys";
import { momentAddress } from "../moments";

const SHOWN_MS = 4_000;

export function ShareMoment({ callId, position }: { callId: string; position: number }) {
  const [said, setSaid] = useState<{ text: string; address: string | null } | null>(null);
  useEffect(() => {
    if (!said || said.address) return undefined;
    const timer = setTimeout(() => setSaid(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => {
    const address = momentAddress(location.origin, callId, position);
    // Browsers offer the clipboard to secure pages only: elsewhere the address is shown, to be copied by hand.
    const copied = navigator.clipboard?.writeText(address) ?? Promise.reject(new Error("no clipboard"));
    copied.then(
      () => setSaid({ text: t("player.copied", { time: duration(position) }), address: null }),
      () => setSaid({ text: t("player.copy_this"), address }),
    );
  };
  useKeys([{ key: "l", does: "keys.share", run: copy }]);
  return (
    <span class="share">
      <button type="button" class="small" onClick={copy}>
        {t("player.share")}
      </button>
      <span role="status">
        {said?.text}
        {said?.address && <input readOnly aria-label={t("player.share")} value={said.address} onFocus={(event) => event.currentTarget.select()} />}
      </span>
    </span>
  );
}
