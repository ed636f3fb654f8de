import type { Child } from 'hono/jsx';

/** A heading; figures stand to the right. */
type Column = string | { number: string };

interface TableProps {
  /** What its rows are, for those who cannot see it. */
  label: string;
  columns: Column[];
  class?: string;
  children?: Child;
}

/** A table that scrolls by itself where the screen is narrower, also with the keyboard. */
export const Table = ({ label, columns, class: style, children }: TableProps) => (
  <section class="scroll" tabindex={0} aria-label={label}>
    <table class={style}>
      <thead>
        <tr>
          {columns.map((column) =>
            typeof column === 'string' ? (
              <th scope="col">{column}</th>
            ) : (
              <th scope="col" class="num">
                {column.number}
              </th>
            ),
          )}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </section>
);
