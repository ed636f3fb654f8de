import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { surveysAbout } from '../../src/domain/census.ts';
import { arrangeCounts } from '../../src/domain/fleet-figures.ts';
import { prepareMembership } from '../../src/domain/membership.ts';
import type { SurveySource } from '../../src/domain/survey.ts';
import { fleet, seen, survey } from './populations.ts';

const planes = ['main', 'other'];
const channels = ['canary', 'stable/cloud', 'tenants/a'];
const resolve = prepareMembership(new Set(channels), { defaultChannel: 'elsewhere', groups: {} });
const sources: SurveySource[] = ['inventory', 'teleport-metrics'];

const surveys = fc.uniqueArray(
  fc.record({
    channel: fc.constantFrom(...channels, ...planes.map((plane) => `@${plane}`)),
    source: fc.constantFrom(...sources),
    group: fc.constantFrom('none', 'Canary', 'TENANTS/A'),
  }),
  { selector: ({ channel, source }) => `${channel} ${source}` },
);

it('finds for each channel the surveys that a search through all of them finds', () => {
  const planeOfEach = fc.dictionary(fc.constantFrom(...channels), fc.constantFrom(null, ...planes));
  fc.assert(
    fc.property(surveys, planeOfEach, (saved, planeOfChannel) => {
      const counts = fleet(
        saved.map(({ channel, source, group }) => survey({}, { channel, source, unmappedGroups: { [group]: 1 } })),
        channels.map((channel, nth) => seen('16.4.7', nth + 1, channel)),
      );
      const figures = arrangeCounts(counts);
      const planeOf = (name: string) => planeOfChannel[name] ?? null;
      for (const name of channels) {
        const controlPlane = planeOf(name);
        const about = counts.surveys.filter(({ channel, source }) => {
          const isShared = controlPlane !== null && source !== 'inventory';
          return (
            channel === name || (isShared && (channel === `@${controlPlane}` || planeOf(channel) === controlPlane))
          );
        });
        expect(new Set(surveysAbout(figures, { name, controlPlane }, planeOf))).toEqual(new Set(about));
        expect(figures.of(name).known).toEqual(counts.known.filter(({ channel }) => channel === name));
        const holders = counts.surveys.filter(
          ({ channel, unmappedGroups }) =>
            channel !== name && Object.keys(unmappedGroups).some((group) => group.toLowerCase() === name),
        );
        expect(new Set(figures.holders(name, resolve))).toEqual(new Set(holders.map(({ channel }) => channel)));
      }
      expect(figures.of('nowhere').known).toEqual([]);
    }),
  );
});
