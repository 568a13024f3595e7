/** How fast and how loud a recording plays. Kept from one to the next: whoever listens at 1.5× does so all day. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n";
import { useKeys } from "../keys";

const RATES = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3] as const;

let rate = 1;
let volume = 1;

export function Speed({ audio }: { audio: RefObject<HTMLAudioElement> }) {
  const [chosen, setChosen] = useState(rate);
  const choose = (next: number) => {
    rate = next;
    setChosen(next);
    if (!audio.current) return;
    audio.current.preservesPitch = true; // every browser's own choice, so far
    audio.current.defaultPlaybackRate = audio.current.playbackRate = next;
  };
  useEffect(() => choose(rate), []);
  const change = (by: 1 | -1) => choose(RATES[RATES.indexOf(chosen as (typeof RATES)[number]) + by] ?? chosen);
  useKeys([
    { key: ",", does: "keys.slower", run: () => change(-1) },
    { key: ".", does: "keys.faster", run: () => change(1) },
  ]);
  return (
    <div class="choices speeds" role="group" aria-label={t("player.speed")}>
      {RATES.map((one) => (
        <button key={one} type="button" class="small" aria-pressed={one === chosen} onClick={() => choose(one)}>
          {one}×
        </button>
      ))}
    </div>
  );
}

export function Volume({ audio }: { audio: RefObject<HTMLAudioElement> }) {
  useEffect(() => {
    if (audio.current) audio.current.volume = volume;
  }, []);
  return (
    <label class="volume">
      <span>{t("player.volume")}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={volume}
        onInput={(event) => {
          volume = Number(event.currentTarget.value);
          if (audio.current) audio.current.volume = volume;
        }}
      />
    </label>
  );
}
