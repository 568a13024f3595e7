/** Words for a group of callers: what is heard now, and something new to say. */
import { useRef, useState } from "preact/hooks";
import { api } from "../api";
import { dayAndTime, language, named, t, tSlug } from "../i18n";
import { serverNow } from "../now";
import type { AnnouncementBody, AnnouncementRequest, QueueLive } from "../wire";
import { Trouble, usePolled, useSending } from "./asked";
import { Confirm } from "./dialog";
import { FormEnd, KeptHead } from "./kept";
import { personName } from "./names";
import { Text } from "./text";

const LOOK_AGAIN_MS = 10_000; // another supervisor's announcement is seen soon enough
const PROMPTS = ["announce-weather", "announce-outage", "announce-busy"] as const;
const OWN = "own";
const MINUTE = 60;
// The longest that the server takes is a week from its own now; a minute less, for the way there.
const LENGTHS_S = [30 * MINUTE, 60 * MINUTE, 3 * 3600, 12 * 3600, 24 * 3600, 3 * 86_400, 7 * 86_400 - MINUTE] as const;
const LENGTH_KEYS = ["30m", "1h", "3h", "12h", "1d", "3d", "7d"] as const;
const MOST_WORDS = 300; // cti/web/announcementbodies.py

export function Announcements({ queues, queueName }: { queues: QueueLive[]; queueName: (slug: string) => string }) {
  const { data, problem, again } = usePolled(api.announcements, LOOK_AGAIN_MS, "current");
  const [writing, setWriting] = useState(false);
  const [chosen, setChosen] = useState<AnnouncementBody | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const close = () => {
    setWriting(false);
    opener.current?.focus();
  };
  const list = data?.announcements ?? [];
  return (
    <section class="agents" aria-labelledby="announcements">
      <KeptHead
        id="announcements"
        title={t("announce.title")}
        count={list.length}
        create={t("announce.new")}
        open={writing}
        opener={opener}
        onOpen={() => setWriting(!writing)}
      />
      <Trouble of={problem} />
      {writing && (
        <Form
          queues={queues}
          done={() => {
            close();
            again();
          }}
          cancel={close}
        />
      )}
      {data === null ? (
        problem === null && <p aria-busy="true">{t("loading")}</p>
      ) : list.length === 0 ? (
        <p class="note">{t("announce.none")}</p>
      ) : (
        <ul class="announcements">
          {list.map((one) => (
            <li key={one.id} class="panel">
              <p>
                <b>{one.queue ? queueName(one.queue) : t("announce.to_number", { number: one.number ?? "" })}</b>{" "}
                <span class="note">
                  {t("announce.until", { time: dayAndTime(one.ends_at, serverNow()), name: personName(one.published_by) })}
                </span>
              </p>
              <p>
                <Text text={language.value === "ja" ? one.text_ja : one.text_en} limit={200} />
              </p>
              <button type="button" class="small" onClick={() => setChosen(one)}>
                {t("announce.withdraw")}
              </button>
            </li>
          ))}
        </ul>
      )}
      {chosen && (
        <Confirm
          title={t("announce.withdraw_title")}
          text={language.value === "ja" ? chosen.text_ja : chosen.text_en}
          action={t("announce.withdraw")}
          onConfirm={() => api.withdrawAnnouncement(chosen.id).then(again)}
          onClose={() => setChosen(null)}
        />
      )}
    </section>
  );
}

function Form({ queues, done, cancel }: { queues: QueueLive[]; done: () => void; cancel: () => void }) {
  const { busy, problem, send } = useSending();
  const [to, setTo] = useState(queues[0]?.queue.id ?? "");
  const [number, setNumber] = useState("");
  const [what, setWhat] = useState<string>(PROMPTS[0]);
  const [ja, setJa] = useState("");
  const [en, setEn] = useState("");
  const [length, setLength] = useState(1);
  const publish = async () => {
    const seconds = LENGTHS_S[length] ?? LENGTHS_S[0];
    const body: AnnouncementRequest = {
      ends_at: new Date(serverNow() + seconds * 1000).toISOString(),
      ...(to === "" ? { number: number.trim() } : { queue: to }),
      ...(what === OWN ? { text: { ja: ja.trim(), en: en.trim() } } : { prompt: what }),
    };
    if (await send(() => api.announce(body))) done();
  };
  return (
    <form
      class="panel announce-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void publish();
      }}
    >
      <label>
        {t("announce.to")}
        <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
          {queues.map((one) => (
            <option key={one.queue.id} value={one.queue.id}>
              {named(one.queue)}
            </option>
          ))}
          <option value="">{t("announce.a_number")}</option>
        </select>
      </label>
      {to === "" && (
        <label>
          {t("announce.number")}
          <input
            value={number}
            required
            inputMode="tel"
            pattern="\+[1-9][0-9]{5,14}"
            title={t("announce.number")}
            onInput={(event) => setNumber(event.currentTarget.value)}
          />
        </label>
      )}
      <label>
        {t("announce.what")}
        <select value={what} onChange={(event) => setWhat(event.currentTarget.value)}>
          {PROMPTS.map((prompt) => (
            <option key={prompt} value={prompt}>
              {tSlug("announce", prompt)}
            </option>
          ))}
          <option value={OWN}>{t("announce.own")}</option>
        </select>
      </label>
      <label>
        {t("announce.how_long")}
        <select value={length} onChange={(event) => setLength(Number(event.currentTarget.value))}>
          {LENGTH_KEYS.map((key, index) => (
            <option key={key} value={index}>
              {t(`announce.for_${key}`)}
            </option>
          ))}
        </select>
      </label>
      {what === OWN && (
        <>
          <label class="whole">
            {t("announce.ja")}
            <input lang="ja" value={ja} required maxLength={MOST_WORDS} onInput={(event) => setJa(event.currentTarget.value)} />
          </label>
          <label class="whole">
            {t("announce.en")}
            <input lang="en" value={en} required maxLength={MOST_WORDS} onInput={(event) => setEn(event.currentTarget.value)} />
          </label>
        </>
      )}
      <FormEnd busy={busy} problem={problem} action={busy ? t("announce.speaking") : t("announce.publish")} cancel={cancel} />
    </form>
  );
}
