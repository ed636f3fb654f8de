/** Why there was no usable answer from a peer; a label of metrics. */
export type PeerFault = 'unreachable' | 'slow' | 'status' | 'too_large' | 'malformed';

/** A peer failed. The message says how, without the peer's address. */
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
  /** Returns the whole body of a 200. Throws `PeerError`; always settles within its deadline. */
  read(url: string): Promise<string>;
}
