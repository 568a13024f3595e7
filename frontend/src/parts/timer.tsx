import { duration } from "../i18n";
import { secondsSince } from "../now";

/** Counts up since an instant of the server's. Only this redraws twice a second, and no screen reader reads it out. */
export function Timer({ since, label, large }: { since: string; label?: string; large?: boolean }) {
  return (
    <span role="timer" class={large ? "timer timer-large" : "timer"} {...(label ? { "aria-label": label } : {})}>
      {duration(secondsSince(since))}
    </span>
  );
}
