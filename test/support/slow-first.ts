import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The slowest first, in this order: a slow file that starts last would run alone at the end. */
const SLOW = [
  'e2e/image',
  'dashboard/pictures',
  'dashboard/flows',
  'service/leadership',
  'faults/failover',
  'faults/redis',
  'http/fast-lane-limits',
  'faults/garbage',
  'e2e/proxies',
  'e2e/runbooks',
].map((name) => `test/${name}.test.ts`);

const rank = ({ moduleId }: TestSpecification): number => {
  const index = SLOW.findIndex((file) => moduleId.endsWith(file));
  return index < 0 ? SLOW.length : index;
};

/** The order of vitest, except that files known to be slow come first, even if nothing was measured yet. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
