import type { ReleaseChange } from '../../domain/release.ts';
import { who } from '../../domain/words.ts';
import { Moment } from './moment.tsx';
import { Table } from './table.tsx';
import { releasePath } from './words.ts';

interface ReleaseChangesProps {
  version: string;
  changes: ReleaseChange[];
  maySignOff: boolean;
  now: Date;
}

/** Who signed a change off, or that somebody must. */
export const SignedOff = ({
  signedOff,
  significant,
  now,
}: Pick<ReleaseChange, 'signedOff' | 'significant'> & { now: Date }) =>
  signedOff ? (
    <>
      by {who(signedOff.by)} <Moment at={signedOff.at} now={now} />
    </>
  ) : significant ? (
    <span class="mark warn">open</span>
  ) : (
    <>–</>
  );

/** The changes of a release, with who signed them off. */
export const ReleaseChanges = ({ version, changes, maySignOff, now }: ReleaseChangesProps) => (
  <Table label={`Changes of ${version}`} columns={['Change', 'Title', 'Author', 'Signed off']}>
    {changes.map(({ pr, title, author, significant, signedOff }) => (
      <tr>
        <td>
          <a href={`/changes/${pr}`}>#{pr}</a>
        </td>
        <td>
          {title} {significant && <span class="mark still">significant</span>}
        </td>
        <td>{author ?? '–'}</td>
        <td>
          <SignedOff signedOff={signedOff} significant={significant} now={now} />
          {maySignOff && (
            <>
              {' '}
              <a
                class="nowrap"
                href={releasePath(version, `/${signedOff ? 'withdraw-sign-off' : 'sign-off'}?pr=${pr}`)}
              >
                {signedOff ? 'Withdraw' : 'Sign off'}
                <span class="visually-hidden"> #{pr}</span>
              </a>
            </>
          )}
        </td>
      </tr>
    ))}
  </Table>
);
