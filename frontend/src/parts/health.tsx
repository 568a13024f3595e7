/** What the server misses, or warns of: the disk that fills, the database that is away. Beside the page's title: nothing moves. */
import { Link } from "wouter-preact";
import { api } from "../api";
import { dateAndTime, dayAndTime, t, tSlug } from "../i18n";
import { serverNow } from "../now";
import { hasRole } from "../session";
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
                {name === "recordings" && part.ready ? <Missing why={part.why} /> : <Why text={part.why} />}
              </details>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Why({ text }: { text: string | null }) {
  return (
    <p class="panel" lang="en">
      {text ?? "–"}
    </p>
  );
}

/** Calls of the last hour without a recording, by their ids: whoever may look for recordings is one step from them. */
function Missing({ why }: { why: string | null }) {
  const { data } = usePolled(api.missingRecordings, LOOK_AGAIN_MS, "missing");
  if (!data?.calls.length) return <Why text={why} />;
  const finds = hasRole("qa");
  return (
    <div class="panel">
      <p>{t("health.missing")}</p>
      <ul class="missing">
        {data.calls.map((one) => (
          <li key={one.call_id}>
            {dateAndTime(one.arrived_at)} {one.why ? tSlug("recording_why", one.why) : "–"}{" "}
            <small>{finds ? <Link href={`/qa/${one.call_id}`}>{one.call_id}</Link> : one.call_id}</small>
          </li>
        ))}
        {data.more && <li>…</li>}
      </ul>
      {finds && <Link href="/qa?status=not_recorded">{t("health.missing_list")}</Link>}
    </div>
  );
}
