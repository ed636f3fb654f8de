import type { Child } from 'hono/jsx';

/** A table that scrolls by itself where the screen is narrower, also with the keyboard. */
export const Scroll = ({ label, children }: { label: string; children?: Child }) => (
  <section class="scroll" tabindex={0} aria-label={label}>
    {children}
  </section>
);
