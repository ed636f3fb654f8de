import { maybeVersion } from './version.tsx';

/** A value that changes, before and after. */
export type ChangeRow = [label: string, from: string, to: string];

export const ChangeTable = ({ rows }: { rows: ChangeRow[] }) => (
  <table class="change">
    <thead>
      <tr>
        <th scope="col" />
        <th scope="col">From</th>
        <th scope="col">To</th>
      </tr>
    </thead>
    <tbody>
      {rows.map(([label, from, to]) => (
        <tr>
          <th scope="row">{label}</th>
          <td>{maybeVersion(from)}</td>
          <td>{from === to ? <span class="muted">unchanged</span> : <b>{maybeVersion(to)}</b>}</td>
        </tr>
      ))}
    </tbody>
  </table>
);
