/** Hear a recording: caller's wave on top, agent's below, the call's journey beside both, all by keyboard too. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../api";
import { dateAndTime, duration, t, tSlug } from "../i18n";
import { useKeys } from "../keys";
import { afterSilence, beforeTransfer, type Lane, lanesOf, mark, transfersOf, viewAt, ZOOMS } from "../lanes";
import { hasRole, may } from "../session";
import type { CallDecisions, CallRecord, CommentBody, Peaks, RecordingBrief, RecordingItem } from "../wire";
import { Notes, TicketLines } from "./aftercall";
import { callerText } from "./caller";
import { DialSaid, NumberToDial } from "./dial";
import { Comments } from "./comments";
import { useDocked } from "./docked";
import { CallScores } from "./evaluation";
import { Journey } from "./journey";
import { Lanes } from "./lanes";
import { lazily } from "./lazy";
import { LineQuality } from "./linequality";
import { LostSound } from "./lostsound";
import { ShareMoment } from "./moment";
import { Speed, Volume } from "./playercontrols";
import { notHeardText, refusalText } from "./problem";
import { Wave } from "./wave";

const STEP_S = 5;
// The next of a list begins by itself: not a reason for letters to become keys of the page.
const WRITTEN_IN = "input:not([type=checkbox]), select, textarea";

// Who does not hear calls is not told how they were routed.
const NOT_ASKED = Promise.resolve<CallDecisions | null>(null);
// Few answer for what is kept; who only listens does not fetch it.
const Keeping = lazily(() => import("./keeping").then((part) => part.Keeping));

export const playable = (status: RecordingItem["status"]): boolean =>
  status === "stored" || status === "salvaged" || status === "truncated";

interface PlayerProps {
  callId: string;
  item: RecordingItem | null; // null: opened by its address, and not in the list that is shown
  beginAt: number | null; // the second that the address asks for
  onEnded: () => void;
  onClose: () => void;
}

export function Player({ callId, item, beginAt, onEnded, onClose }: PlayerProps) {
  const [problem, setProblem] = useState("");
  const call = useAnswer(() => api.call(callId), setProblem);
  // The journey is whole without them: calls of other servers, or of long ago, have none.
  const decided = useAnswer(() => (hasRole("qa", "supervisor", "admin") ? api.decisions(callId) : NOT_ASKED), () => undefined);
  const brief: RecordingBrief | RecordingItem | null = item ?? call?.recording ?? null;
  const [position, setPosition] = useState(0);
  const [length, setLength] = useState(0);
  const [comments, setComments] = useState<readonly CommentBody[]>([]);
  const [heard, setHeard] = useState<readonly Lane[]>([]); // who listened, once somebody asks
  const [detailed, setDetailed] = useState(details);
  const seekTo = useRef<(seconds: number) => void>(() => undefined);
  const section = useRef<HTMLElement>(null);
  useDocked(section, callId);
  // Who goes on from call to call sees which one it is: its line is not behind the player, once that has its size.
  useEffect(() => {
    if (call) document.getElementById(`call-${callId}`)?.scrollIntoView({ block: "nearest" });
  }, [call]);
  useKeys([{ key: "Escape", does: "keys.close", run: onClose }]);
  /** Who is writing about this call is not led on to the next one. */
  const ended = () => section.current?.querySelector(".evaluation-open, .comment-write") ?? onEnded();

  const known = call ?? item;
  const sounds = brief !== null && playable(brief.status);
  const lasts = length || brief?.duration_s || 0;
  const name = known ? `${t("player.label")} ${dateAndTime(known.arrived_at)} ${callerText(known.caller)}` : t("player.label");
  return (
    <section class={`panel player ${detailed ? "" : "player-folded"}`} ref={section} aria-label={name}>
      <div class="player-head">
        <h2>
          {call ? (
            <>
              {dateAndTime(call.arrived_at)} <NumberToDial of={call.caller} />
            </>
          ) : problem ? (
            ""
          ) : (
            t("loading")
          )}
        </h2>
        <DialSaid />
        <button
          type="button"
          class="quiet fold"
          aria-expanded={detailed}
          onClick={() => {
            details = !detailed;
            setDetailed(details);
          }}
        >
          {t("player.details")}
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          {t("close")}
        </button>
      </div>
      <div class="player-sound">
        {sounds && !may("listen") && <p class="note">{t("player.not_yours")}</p>}
        {sounds && !may("listen") && heard.length > 0 && (
          <Lanes lanes={heard} label={t("heard.lanes")} transfers={[]} view={{ from: 0, to: lasts }} position={-1} onSeek={() => undefined} />
        )}
        {sounds && may("listen") && (
          <Sound
            callId={callId}
            call={call}
            heardBy={heard}
            comments={comments}
            beginAt={beginAt}
            position={position}
            seekTo={seekTo}
            onPosition={setPosition}
            onLength={setLength}
            onProblem={setProblem}
            onEnded={ended}
          />
        )}
        {brief && !playable(brief.status) && <NoSound brief={brief} />}
        {call && !brief && <p class="warning">{t("player.nothing")}</p>}
        <p role="alert" class="problem">
          {problem}
        </p>
        {sounds && may("listen") && (
          <Comments
            callId={callId}
            position={() => position}
            onSeek={(seconds) => seekTo.current(seconds)}
            onRead={setComments}
          />
        )}
        {brief && may("hold", "delete", "trail") && <Keeping callId={callId} stored={sounds} length={lasts} onHeard={setHeard} />}
        {call?.recording && <LostSound lost={call.recording.lost} onSeek={(seconds) => seekTo.current(seconds)} />}
        {call && <LineQuality measured={call.quality} />}
        {call && call.notes.length > 0 && <Notes notes={call.notes} />}
        {call && <TicketLines tickets={call.tickets} />}
      </div>
      {call && (
        <Journey
          call={call}
          decisions={decided?.decisions ?? []}
          length={length}
          position={position}
          onSeek={(seconds) => seekTo.current(seconds)}
        />
      )}
      {call && hasRole("qa") && (
        <CallScores callId={callId} moments={{ now: () => position, go: (seconds) => seekTo.current(seconds) }} />
      )}
    </section>
  );
}

function NoSound({ brief }: { brief: RecordingBrief | RecordingItem }) {
  return (
    <p class="warning">
      {tSlug("recording", brief.status)}
      {brief.why && ` – ${tSlug("recording_why", brief.why)}`}
    </p>
  );
}

/** One answer of the server's, asked for once: the player is made anew for each call. */
function useAnswer<Answer>(ask: () => Promise<Answer>, onProblem: (text: string) => void): Answer | null {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(() => {
    let current = true;
    ask().then(
      (value) => current && setAnswer(value),
      (error: unknown) => current && onProblem(refusalText(error)),
    );
    return () => {
      current = false;
    };
  }, []);
  return answer;
}

interface SoundProps {
  callId: string;
  call: CallRecord | null; // null: still asked for
  heardBy: readonly Lane[];
  comments: readonly CommentBody[];
  beginAt: number | null;
  position: number;
  seekTo: { current: (seconds: number) => void };
  onPosition: (seconds: number) => void;
  onLength: (seconds: number) => void;
  onProblem: (text: string) => void;
  onEnded: () => void;
}

function Sound(props: SoundProps) {
  const { callId, call, heardBy, comments, beginAt, position, seekTo, onPosition, onLength, onProblem, onEnded } = props;
  const audio = useRef<HTMLAudioElement>(null);
  const [paused, setPaused] = useState(true);
  const peaks: Peaks | null = useAnswer(() => api.peaks(callId), onProblem);
  const [heard, setHeard] = useState(0); // the length that the browser found
  const length = heard || peaks?.duration_s || 0;
  const begun = useRef(false); // it has been at the second that the address asks for
  const halted = useRef(false); // by who listens
  const tried = useRef(false); // loaded anew by itself, and nothing was heard since
  const [zoom, setZoom] = useState<number>(1);
  const [skipping, setSkipping] = useState(skip);
  const view = viewAt(zoom, position, length);
  const lanes = useMemo(() => (call ? lanesOf(call, length) : []), [call, length]);
  const transfers = useMemo(() => (call ? transfersOf(call) : []), [call]);
  const remarks = useMemo(() => comments.map((one) => one.at_s), [comments]);
  useEffect(() => onLength(length), [length]);

  const seek = (seconds: number) => {
    if (!audio.current) return;
    audio.current.currentTime = Math.min(Math.max(0, seconds), length);
    onPosition(audio.current.currentTime);
  };
  seekTo.current = seek;
  const step = (by: number) => seek((audio.current?.currentTime ?? 0) + by);
  const toggle = () => {
    if (!audio.current) return;
    playOrPause(audio.current, onProblem);
    halted.current = audio.current.paused;
  };
  const jump = (to: number | null) => {
    if (to === null) return;
    seek(to);
    halted.current = false;
    audio.current?.play().catch(() => undefined);
  };
  const here = () => audio.current?.currentTime ?? 0;
  const closer = (by: 1 | -1) => setZoom((now) => ZOOMS[ZOOMS.indexOf(now as (typeof ZOOMS)[number]) + by] ?? now);
  const setSkip = (on: boolean) => {
    skip = on;
    setSkipping(on);
  };
  /** Told some four times a second while it plays: a silence is over before it is noticed. */
  const played = (element: HTMLAudioElement) => {
    const to = skipping && !element.paused ? afterSilence(peaks?.silences ?? [], element.currentTime) : null;
    if (to !== null) element.currentTime = to;
    onPosition(element.currentTime);
    if (!element.error && !element.paused) tried.current = false;
  };
  /**
   * It broke off. What the server would give is asked for once more, from where it was: the line was cut, or the address
   * of the object store has lapsed. Who had stopped it hears nothing of that.
   */
  const broken = async (element: HTMLAudioElement) => {
    const refusal = await api.audioRefusal(api.audioUrl(callId));
    if (audio.current !== element) return; // another recording by now
    if (refusal !== null || tried.current) return onProblem(notHeardText(refusal));
    tried.current = true;
    loadAnew(element);
    if (halted.current) element.pause();
  };
  useKeys([
    { key: "t", does: "keys.transfer", run: () => jump(beforeTransfer(transfers, here())) },
    { key: "]", does: "keys.mark_next", run: () => call && jump(mark(call, here(), 1, length)) },
    { key: "[", does: "keys.mark_previous", run: () => call && jump(mark(call, here(), -1, length)) },
    { key: "s", does: "keys.skip_silence", run: () => setSkip(!skipping) },
    { key: "+", does: "keys.closer", run: () => closer(1) },
    { key: "-", does: "keys.farther", run: () => closer(-1) },
    { key: " ", does: "keys.play", run: toggle },
    { key: "ArrowLeft", does: "keys.back", run: () => step(-STEP_S) },
    { key: "ArrowRight", does: "keys.forward", run: () => step(STEP_S) },
  ]);

  return (
    <>
      <Wave
        peaks={peaks}
        position={position}
        length={length}
        view={view}
        remarks={remarks}
        playing={!paused}
        onSeek={seek}
        onStep={step}
      />
      <Lanes lanes={lanes} transfers={transfers} view={view} position={position} onSeek={seek} />
      {heardBy.length > 0 && <Lanes lanes={heardBy} label={t("heard.lanes")} transfers={[]} view={view} position={position} onSeek={seek} />}
      <audio
        ref={audio}
        autoplay
        preload="auto"
        src={api.audioUrl(callId)}
        onTimeUpdate={(event) => played(event.currentTarget)}
        onLoadedMetadata={({ currentTarget: element }) => {
          const whole = Number.isFinite(element.duration);
          if (whole) setHeard(element.duration);
          if (begun.current) return; // loaded anew, where it broke off
          begun.current = true;
          // An address of the very end is heard too, before the next recording begins.
          if (beginAt !== null) element.currentTime = whole ? Math.min(beginAt, Math.max(0, element.duration - 1)) : beginAt;
        }}
        onPlay={() => setPaused(false)}
        onPause={() => setPaused(true)}
        onEnded={onEnded}
        onError={(event) => void broken(event.currentTarget)}
      />
      <div class="controls">
        <PlayButton paused={paused} onClick={toggle} />
        <p role="status" class="visually-hidden">
          {/* The wave, if it has the focus, says so itself. */}
          {paused && position > 0 && document.activeElement?.role !== "slider" && t("player.stopped_at", { time: duration(position) })}
        </p>
        <span class="timer">
          {duration(position)} / {duration(length)}
        </span>
        <Speed audio={audio} />
        <div class="choices" role="group" aria-label={t("player.zoom")}>
          <button type="button" class="small" aria-label={t("keys.farther")} disabled={zoom === 1} onClick={() => closer(-1)}>
            −
          </button>
          <span class="num">{zoom}×</span>
          <button type="button" class="small" aria-label={t("keys.closer")} disabled={zoom === 64} onClick={() => closer(1)}>
            +
          </button>
        </div>
        <button type="button" class="small" aria-pressed={skipping} onClick={() => setSkip(!skipping)}>
          {t("player.skip_silence")}
        </button>
        {transfers.length > 0 && (
          <button type="button" class="small" onClick={() => jump(beforeTransfer(transfers, here()))}>
            {t("player.before_transfer")}
          </button>
        )}
        <ShareMoment callId={callId} position={position} />
        {may("download") && (
          <a href={api.fileUrl(callId)} download>
            {t("player.download")}
          </a>
        )}
        <Volume audio={audio} />
      </div>
    </>
  );
}

/** Also after an error: what was away may be back, and the place in the call is kept. */
function playOrPause(audio: HTMLAudioElement, onProblem: (text: string) => void): void {
  if (!audio.paused && !audio.error) {
    audio.pause();
    return;
  }
  if (audio.error) {
    onProblem("");
    loadAnew(audio);
  }
  audio.play().catch(() => undefined); // the element's own error event says why
}

/** Asks the server again and goes on from the same place; an element that plays by itself does. */
function loadAnew(audio: HTMLAudioElement): void {
  const { currentTime } = audio;
  audio.load();
  audio.currentTime = currentTime;
}

/** Where the keyboard is after a recording was opened: Space plays and stops from there. Who is writing goes on writing. */
function PlayButton({ paused, onClick }: { paused: boolean; onClick: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!document.activeElement?.matches(WRITTEN_IN)) button.current?.focus({ preventScroll: true });
  }, []);
  return (
    <button ref={button} type="button" class="primary play" onClick={onClick}>
      <span aria-hidden="true">{paused ? "▶" : "❚❚"}</span> {t(paused ? "player.play" : "player.pause")}
    </button>
  );
}

// Kept from one recording to the next: whoever listens at 1.5× does so all day.
let details = false; // on a narrow window, where all of the player would cover the list
let skip = false;
