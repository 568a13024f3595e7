/** The agent asked for this call: their own phone, where it is this page, answers by itself. */
import { effect } from "@preact/signals";
import { desk } from "../session";
import { answerByItself, call } from "./softphone";

// Whichever comes first, the ring or the server's word that it is the agent's own call.
effect(() => {
  const { pop } = desk.value;
  if (call.value === "ringing" && pop?.phase === "ringing" && pop.reach === "calling") queueMicrotask(answerByItself);
});
