import { duration } from '../../domain/duration.ts';
import type { Census } from '../../service/census-view.ts';

/** The evidence that a census is based on, and its age. */
export function freshness({ sources }: Census): { basis: string; age: string } {
  const best = sources.find(({ complete, fresh }) => complete && fresh);
  if (best) return { basis: best.source, age: best.age === null ? '' : `${duration(best.age)} old` };
  if (sources.some(({ source, fresh }) => source === 'check-ins' && fresh))
    return { basis: 'check-ins', age: 'only some agents' };
  return sources.some(({ complete }) => complete)
    ? { basis: 'too old', age: 'import again' }
    : { basis: 'none', age: 'presumed' };
}
