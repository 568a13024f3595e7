/** Which page is shown: by who is logged in first, by the address second. */
import { Redirect, Route, Switch } from "wouter-preact";
import { t } from "./i18n";
import { AgentPage } from "./pages/agent";
import { EvaluationFormsPage } from "./pages/evaluationforms";
import { EvaluationSamplesPage } from "./pages/evaluationsamples";
import { CallScoresPage, EvaluationsPage, MyEvaluationPage, MyEvaluationsPage, OneEvaluationPage } from "./pages/evaluations";
import { LoginPage } from "./pages/login";
import { NotForYouPage } from "./pages/notforyou";
import { PasswordPage } from "./pages/password";
import { PlanPage } from "./pages/plan";
import { QaPage } from "./pages/qa";
import { QueuesPage } from "./pages/queues";
import { Announcer } from "./parts/announcer";
import { Frame } from "./parts/frame";
import { lazily } from "./parts/lazy";
import { PhoneBar } from "./parts/phonebar";
import { hasRole, may, me, start, startProblem } from "./session";

// Few people need it, and an agent's page is none of theirs.
const PrivacyPage = lazily(() => import("./pages/privacy").then((page) => page.PrivacyPage));

/** The phone stays whatever is shown below it: a log-in that ends in mid-call must not take its controls away. */
export function App() {
  return (
    <>
      <Announcer />
      <PhoneBar />
      <Page />
    </>
  );
}

function Page() {
  if (startProblem.value) {
    return (
      <main class="centred">
        <p role="alert">{t("start.unreachable")}</p>
        <button type="button" class="primary" onClick={() => void start()}>
          {t("retry")}
        </button>
      </main>
    );
  }
  if (me.value === undefined) return <main class="centred" aria-busy="true" />;
  if (me.value === null) return <LoginPage />;
  if (me.value.user.must_change) return <PasswordPage />;
  return (
    <Frame>
      <Switch>
        {hasRole("agent") && <Route path="/agent" component={AgentPage} />}
        {hasRole("agent", "supervisor", "admin") && <Route path="/queues" component={QueuesPage} />}
        {hasRole("supervisor") && <Route path="/queues/:queue/plan" component={PlanPage} />}
        {findsCalls() && <Route path="/qa/:call?" component={QaPage} />}
        {!findsCalls() && <Route path="/qa/:call" component={NotForYouPage} />}
        {hasRole("qa", "supervisor") && <Route path="/evaluations" component={EvaluationsPage} />}
        {hasRole("qa", "supervisor") && <Route path="/evaluations/call/:call" component={CallScoresPage} />}
        {hasRole("qa", "supervisor") && <Route path="/evaluations/:id" component={OneEvaluationPage} />}
        {hasRole("qa", "supervisor") && <Route path="/evaluation-samples" component={EvaluationSamplesPage} />}
        {hasRole("agent") && <Route path="/my-evaluations" component={MyEvaluationsPage} />}
        {hasRole("agent") && <Route path="/my-evaluations/:id" component={MyEvaluationPage} />}
        {hasRole("qa", "supervisor", "admin") && <Route path="/evaluation-forms/:form?" component={EvaluationFormsPage} />}
        {may("hold", "person", "trail") && <Route path="/privacy/:part?" component={PrivacyPage} />}
        <Route>
          <Redirect to={home()} replace />
        </Route>
      </Switch>
    </Frame>
  );
}

function home(): string {
  if (hasRole("agent")) return "/agent";
  if (hasRole("qa")) return "/qa";
  return may("hold") && !hasRole("supervisor", "admin") ? "/privacy" : "/queues";
}

/** Who answers for recordings opens calls as well, without hearing them. */
const findsCalls = (): boolean => hasRole("qa") || may("hold");
