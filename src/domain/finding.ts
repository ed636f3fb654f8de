/** One thing that was found: what is wrong, for which agents, and what to do about it. */
export interface Finding<R extends string = string> {
  reason: R;
  /** The version of the agents concerned, or that of the stop if it is about a route. */
  version?: string;
  /** How many agents are concerned. */
  count?: number;
  detail: string;
}
