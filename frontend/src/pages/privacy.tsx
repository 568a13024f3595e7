/** For who answers for recordings and people's data: what is held, whose data is disclosed or erased, who did what. */
import { useEffect } from "preact/hooks";
import { Link, Redirect, useParams } from "wouter-preact";
import { type Key, t } from "../i18n";
import { readNames } from "../parts/names";
import "../privacy.css";
import { may } from "../session";
import type { Right } from "../wire";
import { HoldsList } from "./holds";
import { PersonData } from "./person";
import { TrailList } from "./trail";

const PARTS: readonly { part: string; key: Key; right: Right }[] = [
  { part: "holds", key: "privacy.holds", right: "hold" },
  { part: "person", key: "privacy.person", right: "person" },
  { part: "trail", key: "privacy.trail", right: "trail" },
];

export function PrivacyPage() {
  const chosen = useParams<{ part?: string }>().part;
  const mine = PARTS.filter((one) => may(one.right));
  const here = mine.find((one) => one.part === chosen);
  useEffect(readNames, []);
  if (!here) return <Redirect to={`/privacy/${mine[0]?.part ?? ""}`} replace />;
  return (
    <div class="page privacy">
      <h1>{t(here.key)}</h1>
      {mine.length > 1 && (
        <ul class="subnav">
          {mine.map((one) => (
            <li key={one.part}>
              <Link href={`/privacy/${one.part}`} aria-current={one === here ? "page" : undefined}>
                {t(one.key)}
              </Link>
            </li>
          ))}
        </ul>
      )}
      {here.part === "holds" && <HoldsList />}
      {here.part === "person" && <PersonData />}
      {here.part === "trail" && <TrailList />}
    </div>
  );
}
