/** Why a peer gave no answer that could be used; a label of metrics. */
export type PeerFault = 'unreachable' | 'slow' | 'status' | 'too_large' | 'malformed';

/** A peer failed; the message says how, without its address. */
export class PeerError extends Error {
  override readonly name = 'PeerError';
  readonly fault: PeerFault;

  constructor(fault: PeerFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.fault = fault;
  }
}

/** Other programs that Fairway reads from. */
export interface Peers {
  /** The whole body of a 200. Throws `PeerError`; always settles within its deadline. */
  read(url: string): Promise<string>;
}
