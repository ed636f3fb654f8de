import { describe, expect, it } from 'vitest';
import { listedRelease } from '../../src/domain/release.ts';
import { NO_SIGN_OFFS, remember, rememberedSignOff, type SignOffs, withSignOff } from '../../src/domain/sign-off.ts';

const SIGNED = { by: 'github:ann', at: '2026-03-01T12:00:00.000Z' };
const verdict = (pr: number, signedOff: boolean) => ({ pr, signedOff, ...SIGNED });

describe('the labels that GitHub reported', () => {
  it('keep the last word on each pull request, the newest last', () => {
    const told: SignOffs = [verdict(1, true), verdict(2, true), verdict(1, false)].reduce(
      (known, each, index) => remember(known, `d${index}`, each),
      NO_SIGN_OFFS,
    );
    expect(told).toEqual({ deliveries: ['d0', 'd1', 'd2'], verdicts: [verdict(2, true), verdict(1, false)] });
  });

  it('are bounded: the oldest are forgotten', () => {
    let known = NO_SIGN_OFFS;
    for (let pr = 1; pr <= 1_002; pr++) known = remember(known, `d${pr}`, verdict(pr, true));
    expect(known.deliveries).toHaveLength(1_000);
    expect([known.deliveries[0], known.verdicts[0]?.pr]).toEqual(['d3', 3]);
    expect(known.deliveries.at(-1)).toBe('d1002');
  });

  it.each<[string, SignOffs | null, object | null]>([
    ['a change that was signed off', remember(NO_SIGN_OFFS, 'd', verdict(1, true)), SIGNED],
    ['a sign-off that was withdrawn', remember(NO_SIGN_OFFS, 'd', verdict(1, false)), null],
    ['another change', remember(NO_SIGN_OFFS, 'd', verdict(2, true)), null],
    ['no label', NO_SIGN_OFFS, null],
    ['nothing remembered', null, null],
  ])('of %s', (_, known, expected) => {
    expect(rememberedSignOff(known, 1)).toEqual(expected);
  });
});

describe('a release whose change', () => {
  const change = (pr: number, signedOff: typeof SIGNED | null) => ({ pr, title: 'x', significant: true, signedOff });
  const release = (signedOff: typeof SIGNED | null) => ({
    ...listedRelease({ version: '16.4.8', cutAt: null, security: false }),
    changes: [change(1, signedOff), change(2, null)],
  });
  const LATER = { by: 'token:bob', at: '2026-03-02T12:00:00.000Z' };

  it.each([
    ['is signed off', null, 1, SIGNED, SIGNED],
    ['is no longer signed off', SIGNED, 1, null, null],
  ])('%s', (_, before, pr, given, after) => {
    const expected = { ...release(before), changes: [change(1, after), change(2, null)] };
    expect(withSignOff(release(before), pr, given)).toEqual(expected);
  });

  it.each([
    ['is signed off already, and keeps the first signature', SIGNED, 1, LATER],
    ['was not signed off before', null, 1, null],
    ['is not in it', null, 3, SIGNED],
  ])('%s, stays as it is', (_, before, pr, given) => {
    expect(withSignOff(release(before), pr, given)).toBeNull();
  });
});
