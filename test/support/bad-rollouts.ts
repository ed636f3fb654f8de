/** Settings of a rollout that are refused, and the sentence about them, the same on every face. */
export const BAD_ROLLOUTS: Record<string, { rollout: { groups: object[]; strategy?: string }; says: string }> = {
  'two groups of one name': {
    rollout: { groups: [{ name: 'dev' }, { name: 'DEV' }] },
    says: 'there are two groups with the name DEV',
  },
  'one spelling of two groups': {
    rollout: { groups: [{ name: 'dev' }, { name: 'prod', match: ['Dev'] }] },
    says: '"dev" means the groups dev and prod',
  },
  'a window of no length': {
    rollout: { groups: [{ name: 'dev', window: { start: '04:00', for: '0h' } }] },
    says: 'the window has no length; for must be more than 0',
  },
  'a wave that goes down': {
    rollout: { groups: [{ name: 'dev', waves: [50, 10, 100] }] },
    says: '10 % does not come after 50 %; waves only grow',
  },
  'a percentage that is none': {
    rollout: { groups: [{ name: 'dev', waves: [10, 120] }] },
    says: '120 is not a percentage above 0 and up to 100',
  },
  'a percentage in words': { rollout: { groups: [{ name: 'dev', waves: ['half', 100] }] }, says: 'expected a number' },
  'waves that leave agents behind': {
    rollout: { groups: [{ name: 'dev', waves: [10, 50] }] },
    says: 'the last wave must be 100 %',
  },
  'a time zone that does not exist': {
    rollout: { groups: [{ name: 'dev', window: { start: '04:00', for: '6h', timeZone: 'Mars/Olympus' } }] },
    says: 'there is no time zone Mars/Olympus; use a name such as Europe/Berlin or UTC',
  },
  'a time of day that does not exist': {
    rollout: { groups: [{ name: 'dev', window: { start: '24:30', for: '6h' } }] },
    says: 'start must be a time of day from 00:00 to 23:59',
  },
  'no day': { rollout: { groups: [{ name: 'dev', days: [] }] }, says: 'name at least one day' },
  'more canaries than may be': {
    rollout: { groups: [{ name: 'dev', canaries: 11 }] },
    says: 'expected a whole number from 0 to 10',
  },
  'a name that no agent can send': {
    rollout: { groups: [{ name: 'two words' }] },
    says: 'expected 1 to 64 of A-Za-z0-9._:-',
  },
  'more waves than may be': {
    rollout: { groups: [{ name: 'dev', waves: Array.from({ length: 21 }, (_, nth) => nth + 1) }] },
    says: 'must be 20 or less entries',
  },
  'time without a window': {
    rollout: { strategy: 'time-based', groups: [{ name: 'dev' }] },
    says: 'a time-based group is done when its window is over, so it needs a window',
  },
};
