import type { Sighting } from '../domain/agent.ts';
import type { SightingList } from '../domain/store.ts';

/**
 * Check-ins that wait to be written, at most one of each agent. In columns that are filled again and again, since what lives
 * for a second is copied twice by the garbage collector, in pauses in which no poll is answered.
 */
export class Pending implements SightingList {
  #length = 0;
  #slots = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #channels: string[] = [];
  readonly #versions: string[] = [];
  readonly #times: number[] = [];
  readonly #updaters: Sighting['updater'][] = [];
  readonly #updaterVersions: Sighting['updaterVersion'][] = [];
  readonly #groups: Sighting['group'][] = [];
  readonly #enrolled: boolean[] = [];

  get length(): number {
    return this.#length;
  }

  at(slot: number): Sighting {
    return {
      id: this.#ids[slot] as string,
      channel: this.#channels[slot] as string,
      version: this.#versions[slot] as string,
      at: this.#times[slot] as number,
      updater: this.#updaters[slot] ?? null,
      updaterVersion: this.#updaterVersions[slot] ?? null,
      group: this.#groups[slot] ?? null,
      enrolled: this.#enrolled[slot] as boolean,
    };
  }

  has(id: string): boolean {
    return this.#slots.has(id);
  }

  isEnrolled(id: string): boolean {
    return this.#enrolled[this.#slots.get(id) ?? -1] === true;
  }

  /** Adds a sighting, or puts it in the place of the one of the same agent. */
  put(sighting: Sighting): void {
    let slot = this.#slots.get(sighting.id);
    if (slot === undefined) {
      slot = this.#length++;
      this.#slots.set(sighting.id, slot);
      this.#ids[slot] = sighting.id;
    }
    this.#channels[slot] = sighting.channel;
    this.#versions[slot] = sighting.version;
    this.#times[slot] = sighting.at;
    this.#updaters[slot] = sighting.updater;
    this.#updaterVersions[slot] = sighting.updaterVersion;
    this.#groups[slot] = sighting.group;
    this.#enrolled[slot] = sighting.enrolled;
  }

  clear(): void {
    this.#length = 0;
    // A map that is cleared keeps its tables in one chain, of which old ones hold on to new ones.
    this.#slots = new Map();
  }

  *[Symbol.iterator](): Generator<Sighting, undefined> {
    for (let slot = 0; slot < this.length; slot++) yield this.at(slot);
  }
}
