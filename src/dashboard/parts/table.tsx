import type { Child } from 'hono/jsx';

/** A heading; numbers are right-aligned. */
type Column = string | { number: string };

interface TableProps {
  /** What the rows are, for screen readers. */
  label: string;
  columns: Column[];
  class?: string;
  children?: Child;
}

/** A table that scrolls sideways on a narrow screen, also with the keyboard. */
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
