import type { Release } from '../../domain/release.ts';
import { who } from '../../domain/words.ts';

/** Marks of a release, beside its version. */
export const ReleaseMarks = ({
  release: { security, embargoed, pulled },
}: {
  release: Pick<Release, 'security' | 'embargoed' | 'pulled'>;
}) => (
  <>
    {security && <span class="mark">security</span>}
    {embargoed && <span class="mark warn">embargoed</span>}
    {pulled && (
      <span class="mark bad" title={`by ${who(pulled.by)}: ${pulled.reason}`}>
        pulled
      </span>
    )}
  </>
);
