/** The bar on top of every page: where one can go, whether the line to the server is up, language, log-out. */
import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Link, useLocation } from "wouter-preact";
import { choose, type Key, language, t } from "../i18n";
import { useKeys } from "../keys";
import { connection, desk, hasRole, leave, may, me, socketBlocked } from "../session";
import type { Right } from "../wire";
import { callerText } from "./caller";
import { Help } from "./help";
import { useTitle } from "./title";

interface Place {
  path: string;
  below?: string; // what the addresses of its other pages begin with, where that is not the path
  key: Key;
  roles: string[];
  rights?: Right[]; // whoever has one of them gets there too
  unless?: string[]; // who gets there by another one
  shortcut: string;
  does: Key;
}

const places: Place[] = [
  { path: "/agent", key: "nav.agent", roles: ["agent"], shortcut: "d", does: "keys.agent" },
  { path: "/queues", key: "nav.queues", roles: ["agent", "supervisor", "admin"], shortcut: "q", does: "keys.queues" },
  { path: "/qa", key: "nav.qa", roles: ["qa"], rights: ["hold"], shortcut: "r", does: "keys.qa" },
  { path: "/evaluations", below: "/evaluation", key: "nav.evaluations", roles: ["qa", "supervisor"], shortcut: "v", does: "keys.evaluations" },
  { path: "/evaluation-forms", key: "score.forms", roles: ["admin"], unless: ["qa", "supervisor"], shortcut: "v", does: "keys.evaluations" },
  { path: "/my-evaluations", key: "nav.my_evaluations", roles: ["agent"], shortcut: "m", does: "keys.my_evaluations" },
  { path: "/privacy", key: "nav.privacy", roles: [], rights: ["hold", "person", "trail"], shortcut: "h", does: "keys.privacy" },
];

/** Who rings at this agent's phone now, whichever page they look at. */
const ringing = computed(() => {
  const { pop } = desk.value;
  return pop?.phase === "ringing" ? callerText(pop.caller) : "";
});

export function Frame({ children }: { children: ComponentChildren }) {
  const [path, go] = useLocation();
  const mine = places.filter((place) => (hasRole(...place.roles) || may(...(place.rights ?? []))) && !hasRole(...(place.unless ?? [])));
  const here = mine.find((place) => path.startsWith(place.below ?? place.path));
  useKeys(mine.map((place) => ({ key: place.shortcut, does: place.does, run: () => go(place.path) })));
  const rings = ringing.value;
  useTitle(rings ? `☎ ${rings}` : here ? t(here.key) : "…");
  return (
    <>
      <a class="skip" href="#main">
        {t("nav.skip")}
      </a>
      <header class="bar">
        <Brand />
        <nav aria-label={t("nav.label")}>
          {mine.map((place) => (
            <Link key={place.path} href={place.path} aria-current={place === here ? "page" : undefined}>
              {t(place.key)}
            </Link>
          ))}
        </nav>
        <div class="bar-end">
          <LanguageChoice />
          <Help />
          <span class="who" title={`${me.value?.user.name} – ${me.value?.tenant_name}`}>
            <bdi>{me.value?.user.name}</bdi>
          </span>
          <button type="button" class="quiet" onClick={() => void leave()}>
            {t("nav.logout")}
          </button>
        </div>
      </header>
      <div role="status" class="offline">
        {connection.value === "lost" && <p>{t(lostKey())}</p>}
      </div>
      {rings && path !== "/agent" && (
        <p class="rings-elsewhere">
          <Link href="/agent">{t("agent.rings", { caller: rings })}</Link>
        </p>
      )}
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function lostKey(): Key {
  if (socketBlocked.value) return hasRole("agent") ? "connection.blocked_agent" : "connection.blocked";
  return hasRole("agent") ? "connection.lost_agent" : "connection.lost";
}

export function Brand() {
  return (
    <span class="brand">
      <img src="/icon.svg" alt="" width="24" height="24" />
      <span lang="ja">架け橋</span> <small lang="en">Kakehashi</small>
    </span>
  );
}

export function LanguageChoice() {
  const other = language.value === "ja" ? "en" : "ja";
  return (
    <button type="button" class="quiet" lang={other} onClick={() => choose(other)}>
      {other === "ja" ? "日本語" : "English"}
    </button>
  );
}
