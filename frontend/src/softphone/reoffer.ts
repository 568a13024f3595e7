/**
 * Hold by the phone itself: a re-INVITE, at which Asterisk plays music to the caller, as for any phone's own hold button.
 *
 * And a guard: JsSIP ends a call when a request in it fails, is not answered, or finds the WebSocket broken. Sound depends on none of
 * these, so that only a person, Asterisk, or sound that is gone ends a call here.
 */
export type Outcome =
  | "done"
  | "refused" // Asterisk said no, or was not asked
  | "silent"; // it may have heard it

/** What of JsSIP's session is used. `_localHold` is its own affair: reoffer.test.ts holds JsSIP to it. */
export interface Guarded {
  readonly connection: RTCPeerConnection | null;
  _localHold: boolean;
  hold(options: object, done: () => void): boolean;
  unhold(options: object, done: () => void): boolean;
  terminate(options?: { readonly cause?: string }): void;
}

// JsSIP's causes when an offer was refused or could not be made; its others are of a request that nobody answered.
const REFUSED = "WebRTC Error";

export class Reoffers {
  private told: ((outcome: Outcome) => void) | null = null;
  private wanted = false;

  /** `confirmed`: whether the call was answered; before that JsSIP knows best. */
  constructor(
    private readonly session: Guarded,
    confirmed: () => boolean,
  ) {
    const end = session.terminate.bind(session);
    // What we ask for gives no cause; what JsSIP decides does.
    session.terminate = (options) => {
      if (options?.cause === undefined || !confirmed()) end(options);
      else this.failed(options.cause === REFUSED ? "refused" : "silent");
    };
  }

  /** Has Asterisk play music to the caller, or no more. `told` is called once; not at all when the call ends before. */
  hold(wanted: boolean, told: (outcome: Outcome) => void): void {
    if (this.told !== null) {
      told("refused");
      return;
    }
    this.told = told;
    this.wanted = wanted;
    const done = () => this.settle("done");
    // False: an offer of Asterisk's is on its way.
    if (!(wanted ? this.session.hold({}, done) : this.session.unhold({}, done))) this.settle("refused");
  }

  private failed(outcome: Outcome): void {
    if (this.told === null) return;
    const { connection } = this.session;
    this.session._localHold = !(this.wanted && outcome === "refused");
    if (connection?.signalingState === "have-local-offer") {
      connection.setLocalDescription({ type: "rollback" }).catch(() => undefined);
    }
    this.settle(outcome);
  }

  private settle(outcome: Outcome): void {
    const { told } = this;
    this.told = null;
    told?.(outcome);
  }
}
