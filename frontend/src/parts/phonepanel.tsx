/** Which microphone and speakers the phone in the page uses, how loud one is, how the call sounds. */
import { useEffect, useRef } from "preact/hooks";
import { t, tSlug } from "../i18n";
import { policy } from "../softphone/autoanswer";
import { absent, ANY, canChooseOutput, choose, chosen, type Device, find, inputs, look, outputs, type Use } from "../softphone/devices";
import { level } from "../softphone/meter";
import { notify, permission, wanted } from "../softphone/notify";
import { sounds } from "../softphone/quality";
import { devicesChanged, tryBell } from "../softphone/softphone";
import { percent } from "./linequality";

/** Drawn anew ten times a second, and nothing around it with it. */
export function Meter() {
  const now = level.value;
  return (
    <span
      class="meter"
      role="meter"
      aria-label={t("phone.level")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(now * 10) * 10}
    >
      <span style={{ transform: `scaleX(${now.toFixed(2)})` }} />
    </span>
  );
}

export function PhonePanel({ close }: { close: () => void }) {
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    void look();
    panel.current?.querySelector("select")?.focus();
  }, []);
  return (
    <div
      ref={panel}
      class="phone-panel"
      role="group"
      aria-label={t("phone.devices")}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        close();
        event.preventDefault();
      }}
    >
      <DeviceChoice use="microphone" there={inputs.value}>
        <Meter />
      </DeviceChoice>
      {canChooseOutput() ? (
        (["headset", "bell"] as const).map((use) => (
          <DeviceChoice key={use} use={use} there={outputs.value}>
            <button type="button" aria-label={t(`phone.try.${use}`)} onClick={() => tryBell(use)}>
              {t("phone.try")}
            </button>
          </DeviceChoice>
        ))
      ) : (
        <p class="note">{t("phone.no_output")}</p>
      )}
      <Notifications />
      <Sounds />
      <p class="note">{t(policyKey())}</p>
      <button type="button" class="panel-close" onClick={close}>
        {t("close")}
      </button>
    </div>
  );
}

function policyKey() {
  const rule = policy.value;
  if (rule.agent === "always") return "phone.auto.always" as const;
  const some = rule.agent === "queue" && Object.keys(rule.queues).length > 0;
  return some ? ("phone.auto.queues" as const) : ("phone.auto.hand" as const);
}

function DeviceChoice(props: { use: Use; there: readonly Device[]; children: preact.ComponentChildren }) {
  const { use, there, children } = props;
  const wish = chosen.value[use];
  const gone = absent(use);
  const now = find(wish, there);
  return (
    <div class="device">
      <label>
        {t(`phone.use.${use}`)}
        <select
          value={now?.id ?? wish.id}
          onChange={(event) => {
            choose(use, there.find((one) => one.id === event.currentTarget.value) ?? ANY);
            devicesChanged();
          }}
        >
          <option value="">{t("phone.any")}</option>
          {gone && <option value={gone.id}>{t("phone.unplugged", { name: gone.label })}</option>}
          {there.map((one) => (
            <option key={one.id} value={one.id}>
              {one.label}
            </option>
          ))}
        </select>
      </label>
      {children}
    </div>
  );
}

function Notifications() {
  const allowed = permission.value;
  return (
    <>
      <label class="check">
        <input
          type="checkbox"
          checked={wanted.value}
          disabled={allowed === "unsupported"}
          onChange={(event) => {
            const box = event.currentTarget;
            void notify(box.checked).then(() => (box.checked = wanted.value)); // refused: it is off again
          }}
        />
        {t("phone.notify")}
      </label>
      {(allowed === "denied" || allowed === "unsupported") && <p class="note">{t(`phone.notify.${allowed}`)}</p>}
    </>
  );
}

function Sounds() {
  const now = sounds.value;
  return (
    <section class="sounds" aria-label={t("phone.quality")}>
      <h2>
        {t("phone.quality")} {now?.grade && <span class={`tag grade-${now.grade}`}>{tSlug("phone.grade", now.grade)}</span>}
      </h2>
      {now === null ? (
        <p class="note">{t("phone.quality.none")}</p>
      ) : (
        <dl>
          <div>
            <dt>{t("phone.loss")}</dt>
            <dd class="num">{percent(now.loss)}</dd>
          </div>
          <div>
            <dt>{t("phone.jitter")}</dt>
            <dd class="num">{Math.round(now.jitterMs)} ms</dd>
          </div>
          <div>
            <dt>{t("phone.round_trip")}</dt>
            <dd class="num">{now.roundTripMs === null ? "–" : `${Math.round(now.roundTripMs)} ms`}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}
