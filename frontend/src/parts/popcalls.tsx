/** What the same member, or the same number, called about before. */
import { dayAndTime, named, t } from "../i18n";
import { serverNow } from "../now";
import type { EarlierCall, Pop } from "../wire";
import { Cards, joined, Part } from "./part";
import { Text } from "./text";

export function EarlierCalls({ pop }: { pop: Pop }) {
  const { calls, link } = pop.card;
  const title = t(link.link?.member_id ? "pop.calls_member" : "pop.calls_number");
  return (
    <Part title={title} status={calls.status} asOf={calls.as_of} count={calls.calls.length} wide>
      <Cards items={calls.calls} draw={(call) => <Earlier key={call.call_id} call={call} />} />
    </Part>
  );
}

function Earlier({ call }: { call: EarlierCall }) {
  const reasons = call.notes.flatMap((note) => note.reasons);
  const how = call.outbound ? t("pop.calls_outbound") : call.answered ? "" : t("pop.calls_unanswered");
  return (
    <li>
      <p class="spread top">
        <span>
          <time dateTime={call.arrived_at}>{dayAndTime(call.arrived_at, serverNow())}</time>{" "}
          <span class="note">
            <Text text={joined(call.queue && named(call.queue), call.agents.join("、"), how)} />
          </span>
        </span>
        {reasons.length > 0 && (
          <span class="chips">
            {reasons.map((reason) => (
              <span key={reason.id} class="tag">
                {named(reason)}
              </span>
            ))}
          </span>
        )}
      </p>
      {call.notes.map(
        (note, index) =>
          note.note && (
            <p key={`${index}${note.name}`} class="last-note">
              <Text text={note.note} limit={200} /> <small class="note"><Text text={note.name} /></small>
            </p>
          ),
      )}
    </li>
  );
}
