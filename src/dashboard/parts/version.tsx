import type { Child } from 'hono/jsx';
import { shortVersion } from '../../domain/short-version.ts';

/** No break within a part, and the dot stays with the part before it. */
const NBSP = '\u00a0';

interface VersionProps {
  version: string;
  /** Within a link, which takes the focus itself. */
  linked?: boolean;
}

/**
 * A version; a cloud version in its short form, with the full one on hover, on focus and in what is copied. The short
 * form is drawn by the style sheet, so that the text of the page is the full one.
 */
export function Version({ version, linked = false }: VersionProps) {
  const short = shortVersion(version);
  if (!short) return linked ? <span>{version}</span> : <code>{version}</code>;
  const text = short.map((part) => part.replaceAll(' ', NBSP)).join(`${NBSP}· `);
  return (
    <span class="version" data-short={text} tabindex={linked ? undefined : 0}>
      <span>{version}</span>
    </span>
  );
}

/** A text that may be a version. */
export const maybeVersion = (text: string, linked = false): Child =>
  shortVersion(text) ? <Version version={text} linked={linked} /> : text;
