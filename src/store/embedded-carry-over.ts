import type { Sighting, SightingSource } from '../domain/agent.ts';
import type { Store } from '../domain/store.ts';
import type { Survey } from '../domain/survey.ts';
import { type OldFleet, recordOld } from './carry-over.ts';
import type { EmbeddedFiles, Table } from './embedded-files.ts';
import { surveyField } from './embedded-surveys.ts';
import { type OldSurvey, sightingOfOldForm, surveyOfOldForm } from './old-form.ts';

/** Agents in one piece. */
const AT_ONCE = 500;
const DONE = 'done';

/**
 * The fleet in the tables of an older release. They are left, so that the older release can be started again; they may
 * be dropped, and so may the marker, by the first release from which no one goes back to that one.
 */
export function embeddedOldFleet(
  files: EmbeddedFiles,
  record: Store['recordSightings'],
  surveys: Table<Survey, string>,
): OldFleet {
  const old: Record<SightingSource, Table<string, string>> = {
    inventory: files.table('inventory'),
    'check-ins': files.table('check-ins'),
  };
  const oldSurveys = files.table<OldSurvey, string>('surveys');
  const marker = files.table<string, string>('carried');
  const isEmpty = () => [old.inventory, old['check-ins'], oldSurveys].every((table) => table.size() === 0);

  const carrySurveys = () =>
    files.write(() => {
      for (const { value } of oldSurveys.entries()) {
        const field = surveyField(value);
        if (surveys.get(field) === undefined) surveys.put(field, surveyOfOldForm(value));
      }
    });

  /** The sightings of the next agents, in the order of their ids, and the last of these. */
  function read(last: string) {
    const found = Object.values(old).flatMap((table) =>
      table.entries({ start: last, exclusiveStart: true, limit: AT_ONCE }).map(({ key }) => key),
    );
    const ids = [...new Set(found)].sort().slice(0, AT_ONCE);
    const of = (source: SightingSource): Sighting[] =>
      ids.flatMap((id) => {
        const packed = old[source].get(id);
        return (packed === undefined ? null : sightingOfOldForm(id, source, packed)) ?? [];
      });
    return { inventory: of('inventory'), 'check-ins': of('check-ins'), last: ids.at(-1) ?? null };
  }

  return {
    // An id has no space, so the last one of a piece cannot be taken for the marker of the end.
    progress: () =>
      files.read(() => {
        const progress = marker.get('fleet') ?? '';
        return progress === ` ${DONE}` || (progress === '' && isEmpty()) ? null : progress;
      }),

    async step(progress) {
      if (progress === '') await carrySurveys();
      const { last, ...piece } = await files.read(() => read(progress));
      if (last !== null) await recordOld(record, piece, Date.now());
      await files.write(() => marker.put('fleet', last ?? ` ${DONE}`));
    },
  };
}
