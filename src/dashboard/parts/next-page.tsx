/** Rows of a list on one page. */
export const ROWS = 100;

/** The way to the rest of a list; `query` has the parameters of this page without its place in the list. */
export function NextPage({ path, query, next }: { path: string; query: Record<string, string>; next: string | null }) {
  if (next === null) return null;
  return (
    <p class="actions">
      <a class="button" href={`${path}?${new URLSearchParams({ ...query, after: next })}`}>
        Next page
      </a>
    </p>
  );
}
