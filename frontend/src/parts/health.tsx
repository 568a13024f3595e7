/** What the server misses, or warns of: the disk that fills, the database that is away. Beside the page's title: nothing moves. */
import { api } from "../api";
import { dayAndTime, t, tSlug } from "../i18n";
import { serverNow } from "../now";
import { usePolled } from "./asked";

const LOOK_AGAIN_MS = 15_000;

export function Health() {
  const { data } = usePolled(api.ready, LOOK_AGAIN_MS, "ready");
  const parts = Object.entries(data?.parts ?? {}).filter(([, part]) => !part.ready || part.why);
  return (
    <div role="status">
      {parts.length > 0 && (
        <ul class="health" aria-label={t("health.title")}>
          {parts.map(([name, part]) => (
            <li key={name}>
              <details>
                <summary class="warning">
                  {part.ready
                    ? t("health.look", { part: tSlug("part", name) })
                    : t("health.away", { part: tSlug("part", name), time: dayAndTime(part.since, serverNow()) })}
                </summary>
                <p class="panel" lang="en">
                  {part.why ?? "–"}
                </p>
              </details>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
