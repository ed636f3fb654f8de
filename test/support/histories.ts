import fc from 'fast-check';
import { type Step, tell } from './fleet-history.ts';
import { DAY, HOUR, MINUTE, SECOND } from './store-services.ts';

const VERSIONS = ['14.3.3', '15.4.9', 'v15.4.9+fips.1', ' V16.4.6 ', '16.4', '16.4.6', '17.0.1', 'unknown'];
const CANONICAL = ['14.3.3', '15.4.9', '15.4.9+fips.1', '16.4.6', '16.4.0', '17.0.1', '?'];
/** Agents that only inventories name, then those that only check in where enrolment is open. */
const LISTED = ['1', '2'];
const POLLING = ['3', '4'];
/** Seconds that no history lasts. */
const LONG_AGO = 100 * 86_400;

const channel = fc.constantFrom('a', 'b', 'c');
const anyId = fc.constantFrom(...LISTED, ...POLLING);
const version = fc.constantFrom(...VERSIONS);
/** Seconds ago. */
const ago = fc.constantFrom(0, 0, 1, 30, 600, 3_700, 90_000);
const source = fc.constantFrom('inventory' as const, 'teleport-metrics' as const);

const entryOf = (id: fc.Arbitrary<string>, seen: fc.Arbitrary<number | null>) =>
  fc.record({
    id,
    version,
    group: fc.constantFrom(null, null, null, 'a', 'b', 'B', 'Prod-EU', 'prod-eu', 'nowhere'),
    seen,
    expires: fc.constantFrom(null, -86_400, -86_400, 0, 500, 80_000),
  });
const withOddIds = (id: fc.Arbitrary<string>) =>
  fc.oneof({ weight: 9, arbitrary: id }, { weight: 1, arbitrary: fc.constantFrom('no id', 'ü') });
const seen = fc.oneof({ weight: 9, arbitrary: ago }, { weight: 1, arbitrary: fc.constant(null) });
/** More than five agents at once, so that a fall can be clear. */
const crowd = fc.tuple(fc.nat({ max: 12 }), version).map(([size, said]) =>
  Array.from({ length: size }, (_, nth) => {
    return { id: `n${nth}`, version: said, group: null, seen: 0, expires: null };
  }),
);
const entriesOf = (entry: ReturnType<typeof entryOf>) =>
  fc.tuple(fc.array(entry, { maxLength: 4 }), fc.oneof(fc.constant([]), crowd)).map((lists) => lists.flat());
const page = fc.dictionary(
  fc.constantFrom('14.3.3', 'v15.4.9+fips.1', '16.4.6', '17.0.1', 'odd'),
  fc.constantFrom(1, 4, 30),
  { maxKeys: 3 },
);
const noPage = fc.constantFrom('fails' as const, 'proves nothing' as const);
const cluster = fc.constantFrom('a' as const, 'b' as const, 'p' as const);
const scope = fc.constantFrom('a' as const, 'b' as const, 'c' as const, 'p' as const);
const pass = fc.constantFrom(SECOND, MINUTE, 16 * MINUTE, 61 * MINUTE, 5 * HOUR, 20 * HOUR, DAY);

type Weighted = fc.WeightedArbitrary<Step>;

const again = (partial: boolean): Weighted[] => [
  { weight: 1, arbitrary: fc.record({ importAgain: fc.nat({ max: 5 }), partial: fc.constant(partial) }) },
  { weight: 1, arbitrary: fc.record({ checkInAgain: fc.nat({ max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant({ restart: true as const }) },
];

/** All that sources, agents and people may say, where agents that check in are those of `polling`. */
const events = (inventoried: fc.Arbitrary<string>, polling: fc.Arbitrary<string>): Weighted[] => [
  {
    weight: 5,
    arbitrary: fc.record({
      import: scope,
      mode: fc.constantFrom('proven', 'proven', 'partial', 'complete'),
      entries: entriesOf(entryOf(withOddIds(inventoried), seen)),
      own: fc.constantFrom(0, 0, 0, 60, 90_000, null),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ checkIn: polling, on: channel, version, token: fc.constantFrom(true, true, false), ago }),
  },
  { weight: 3, arbitrary: fc.record({ metrics: cluster, page: fc.oneof({ weight: 4, arbitrary: page }, noPage) }) },
  { weight: 4, arbitrary: fc.record({ pass }) },
  { weight: 1, arbitrary: fc.record({ back: fc.constantFrom(SECOND, 10 * MINUTE, 3 * HOUR) }) },
  { weight: 2, arbitrary: fc.constant({ sweep: true as const }) },
  ...again(true),
  { weight: 1, arbitrary: fc.record({ forget: anyId }) },
  { weight: 1, arbitrary: fc.record({ forgetVersion: fc.constantFrom(...CANONICAL), on: channel }) },
  { weight: 1, arbitrary: fc.record({ forgetSource: source, on: channel }) },
  { weight: 1, arbitrary: fc.record({ accept: source, on: channel }) },
  { weight: 1, arbitrary: fc.record({ remove: channel }) },
  { weight: 1, arbitrary: fc.record({ add: channel, target: fc.constantFrom('16.4.6', '17.0.1') }) },
  {
    weight: 1,
    arbitrary: fc.record({ roll: channel, to: fc.constantFrom('16.4.6', '16.4.7', '17.0.1'), force: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ withdraw: channel }) },
  { weight: 1, arbitrary: fc.record({ plane: fc.constantFrom('16.4.7', '17.4.0', '18.0.1') }) },
];

const several = (step: fc.Arbitrary<Step>, maxLength: number) =>
  fc.array(step, { minLength: 1, maxLength, size: 'max' });

/** Anything at all. */
export const history = several(
  fc.oneof(...events(anyId, anyId), { weight: 1, arbitrary: fc.constant({ pass: 31 * DAY }) }),
  12,
);

/** Where enrolment is open, no id is known from an inventory and from its own check-ins. */
export const beginning = (mode: 'open' | 'token') =>
  several(
    fc.oneof(
      ...(mode === 'open' ? events(fc.constantFrom(...LISTED), fc.constantFrom(...POLLING)) : events(anyId, anyId)),
    ),
    10,
  );

/** What is no evidence that any agent is gone. */
export const silence = (mode: 'open' | 'token') => {
  const stranger = (id: fc.Arbitrary<string>) =>
    fc.record({ checkIn: id, on: channel, version, token: fc.constant(false), ago });
  return several(
    fc.oneof(
      ...again(false),
      { weight: 4, arbitrary: fc.record({ pass }) },
      { weight: 2, arbitrary: fc.record({ metrics: cluster, page: noPage }) },
      {
        weight: 3,
        arbitrary: fc.record({
          import: scope,
          mode: fc.constant('partial' as const),
          entries: fc.array(fc.oneof(entryOf(anyId, fc.constant(LONG_AGO)), entryOf(fc.constantFrom('7', '8'), seen)), {
            maxLength: 3,
          }),
          own: fc.constantFrom(0, null, 90_000),
        }),
      },
      // In open mode whoever checks in makes a channel heard.
      ...(mode === 'token'
        ? [
            { weight: 2, arbitrary: fc.constant({ sweep: true as const }) },
            { weight: 3, arbitrary: stranger(fc.constantFrom(...LISTED, ...POLLING, '9')) },
          ]
        : [{ weight: 5, arbitrary: stranger(fc.constantFrom(...LISTED)) }]),
    ),
    10,
  );
};

/** Runs a property, and shows the shortest history that breaks it a line each. */
export async function assertHistories<T extends [Step[], ...Step[][]]>(
  property: fc.IAsyncProperty<T>,
  numRuns: number,
): Promise<void> {
  const given = Number(process.env.SEED ?? 1);
  const { failed, counterexample, errorInstance, numRuns: ran } = await fc.check(property, { numRuns, seed: given });
  if (!failed) return;
  const steps = (counterexample ?? []).map((part) => tell(part)).join('\n  then\n');
  throw new Error(`history ${ran}, seed ${given}:\n${steps}\n`, { cause: errorInstance });
}
