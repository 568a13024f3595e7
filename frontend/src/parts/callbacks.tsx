/** People who keep their place and are called back. */
import { useState } from "preact/hooks";
import { api } from "../api";
import { dayAndTime, t, timeOfDay, tSlug } from "../i18n";
import { serverNow } from "../now";
import type { CallbackLine } from "../wire";
import { Trouble, usePolled } from "./asked";
import { DialSaid, Dialled } from "./dial";
import { Confirm } from "./dialog";
import { Timer } from "./timer";

// A callback lives for minutes to hours: some seconds late is soon enough.
const LOOK_AGAIN_MS = 5_000;

export function Callbacks({ queueName }: { queueName: (slug: string) => string }) {
  const { data, problem, again } = usePolled(api.callbacks, LOOK_AGAIN_MS, "open");
  const [chosen, setChosen] = useState<CallbackLine | null>(null);
  const lines = data?.callbacks ?? [];
  return (
    <div class="agents">
      <h2 id="callbacks">
        {t("callback.title")} {lines.length > 0 && <small>{lines.length}</small>}
      </h2>
      <Trouble of={problem} />
      <DialSaid />
      {data === null ? (
        problem === null && <p aria-busy="true">{t("loading")}</p>
      ) : lines.length === 0 ? (
        <p class="note">{t("callback.none")}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="callbacks">
          <table>
            <thead>
              <tr>
                <th scope="col">{t("callback.number")}</th>
                <th scope="col">{t("callback.queue")}</th>
                <th scope="col" class="num">
                  {t("callback.waits")}
                </th>
                <th scope="col">{t("callback.state")}</th>
                <th scope="col" class="wide-only">
                  {t("callback.asked")}
                </th>
                <th scope="col">
                  <span class="visually-hidden">{t("act.column")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.map((line) => (
                <tr key={line.callback_id}>
                  <th scope="row" class="timer">
                    <Dialled number={line.number} text={line.number} />
                  </th>
                  <td title={queueName(line.queue)}>
                    <span class="ellipsis">{queueName(line.queue)}</span>
                  </td>
                  <td class="num">
                    <Timer since={line.queued_at} />
                  </td>
                  <td>{stateText(line)}</td>
                  <td class="wide-only">{dayAndTime(line.asked_at, serverNow())}</td>
                  <td class="end">
                    <button
                      type="button"
                      class="small"
                      aria-label={t("callback.cancel_of", { number: line.number })}
                      onClick={() => setChosen(line)}
                    >
                      {t("callback.cancel")}
                    </button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {chosen && (
        <Confirm
          title={t("callback.cancel_title", { number: chosen.number })}
          text={t("callback.cancel_text")}
          action={t("callback.cancel_do")}
          onConfirm={() => api.cancelCallback(chosen.callback_id).then(again)}
          onClose={() => setChosen(null)}
        />
      )}
    </div>
  );
}

function stateText(line: CallbackLine): string {
  const parts = [tSlug("callback_state", line.state)];
  if (line.tries > 0) parts.push(t("callback.tries", { n: line.tries }));
  if (line.state === "waiting" && line.not_before && Date.parse(line.not_before) > serverNow())
    parts.push(t("callback.not_before", { time: timeOfDay(line.not_before) }));
  return parts.join(" · ");
}
