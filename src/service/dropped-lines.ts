import type { Sighting } from '../domain/agent.ts';
import { lineOfAgent, UNREADABLE } from '../domain/agent-version.ts';
import type { UncountedLine } from '../domain/fleet-counts.ts';

/** The release lines of check-ins that were dropped, until the store knows of them. */
export interface DroppedLines {
  note(sighting: Pick<Sighting, 'channel' | 'version' | 'at'>): void;
  /** What is kept; it is kept no longer. */
  take(): UncountedLine[];
  /** Keeps again what the store did not take. */
  putBack(lines: readonly UncountedLine[]): void;
}

/** Lines of all channels together: 100 KB. Beyond that a channel's lines are not told apart. */
const MAX_LINES = 1_000;

export function createDroppedLines(): DroppedLines {
  let kept = new Map<string, UncountedLine>();

  function keep(line: UncountedLine): void {
    const key = `${line.channel} ${line.line}`;
    const before = kept.get(key);
    if (before) before.at = Math.max(before.at, line.at);
    else if (kept.size < MAX_LINES || line.line === UNREADABLE) kept.set(key, { ...line });
    else keep({ ...line, line: UNREADABLE });
  }

  return {
    note: ({ channel, version, at }) => keep({ channel, line: lineOfAgent(version), at }),
    take() {
      const taken = [...kept.values()];
      kept = new Map();
      return taken;
    },
    putBack: (lines) => lines.forEach(keep),
  };
}
