/** Scores and forms over HTTP. */
import { at, read, send } from "./api";
import type {
  AnswerBody,
  CallEvaluations,
  DraftRequest,
  EvaluationBody,
  EvaluationPage,
  EvaluationSaved,
  FormBody,
  FormHistory,
  FormList,
  FormPublished,
  SampleBody,
  SampleList,
  SampleRequest,
  SampleWork,
} from "./wire";

const query = (words: Record<string, string>): string => {
  const text = new URLSearchParams(words).toString();
  return text ? `?${text}` : "";
};

export const scores = {
  ofCall: (callId: string) => read<CallEvaluations>("GET", at("calls", callId, "evaluations")),
  begin: (callId: string, agent: string, form: string) =>
    read<EvaluationBody>("POST", at("calls", callId, "evaluations"), { agent, form }),
  list: (words: Record<string, string>) => read<EvaluationPage>("GET", `/api/evaluations${query(words)}`),
  get: (id: string) => read<EvaluationBody>("GET", at("evaluations", id)),
  save: (id: string, body: DraftRequest) => read<EvaluationSaved>("PUT", at("evaluations", id), body),
  submit: (id: string, version: number) => read<EvaluationBody>("POST", at("evaluations", id, "submit"), { version }),
  discard: (id: string, version: number) => send("POST", at("evaluations", id, "discard"), { version }),
  review: (id: string, body: { version: number; outcome: "upheld" | "changed"; answers: Record<string, AnswerBody> | null; note: string }) =>
    read<EvaluationBody>("POST", at("evaluations", id, "review"), body),
  exportUrl: (words: Record<string, string>) => `/api/evaluation-export${query(words)}`,
  mine: (words: Record<string, string>) => read<EvaluationPage>("GET", `/api/my/evaluations${query(words)}`),
  myOne: (id: string) => read<EvaluationBody>("GET", at("my", "evaluations", id)),
  myAudioUrl: (id: string) => at("my", "evaluations", id, "audio"),
  dispute: (id: string, version: number, reason: string) =>
    read<EvaluationBody>("POST", at("my", "evaluations", id, "dispute"), { version, reason }),
  forms: () => read<FormList>("GET", "/api/evaluation-forms"),
  form: (id: string) => read<FormHistory>("GET", at("evaluation-forms", id)),
  publishForm: (id: string, form: FormBody, after: number, note: string) =>
    read<FormPublished>("PUT", at("evaluation-forms", id), { form, after, note }),
  samples: () => read<SampleList>("GET", "/api/evaluation-samples"),
  mySamples: () => read<SampleWork>("GET", "/api/my/evaluation-samples"),
  draw: (body: SampleRequest) => read<SampleBody>("POST", "/api/evaluation-samples", body),
  setFormActive: (id: string, active: boolean) => send("PUT", at("evaluation-forms", id, "active"), { active }),
};
