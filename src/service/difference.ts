import { isDeepStrictEqual } from 'node:util';
import type { Snapshot } from '../domain/snapshot.ts';
import type { BadDocument, Difference, Document } from '../domain/store.ts';

/**
 * Leaves out what is served already, so that listeners hear only of changes; null if nothing is left. Documents that
 * were asked for to compare them are mostly the same.
 */
export function newsIn(served: Snapshot, found: Difference): Difference | null {
  const foundBad = new Map(found.bad?.map((each) => [each.key, each]));
  const isServed = (key: string) => served.documents.has(key) || served.bad.has(key);
  const isNews = (key: string) => !isSameFault(served.bad.get(key), foundBad.get(key));
  const documents = found.documents.filter(
    (document) => isNews(document.key) || served.documents.get(document.key) !== sameAs(served, document),
  );
  const gone = found.gone.filter(isServed);
  const bad = [...foundBad.values()].filter(({ key }) => isNews(key) || documents.some((each) => each.key === key));
  const isHeadNew = found.revision !== served.revision || found.hash !== served.hash;
  if (!isHeadNew && documents.length === 0 && gone.length === 0 && bad.length === 0) return null;
  const { revision, hash } = found;
  return { revision, hash, documents, gone, ...(bad.length > 0 ? { bad } : {}) };
}

/** The served document if it is the same, else the given one: what is the same object needs no new answers. */
export function sameAs({ documents }: Pick<Snapshot, 'documents'>, document: Document): Document {
  const known = documents.get(document.key);
  const isSame = known?.revision === document.revision && isDeepStrictEqual(known.value, document.value);
  return isSame ? known : document;
}

const isSameFault = (a: BadDocument | undefined, b: BadDocument | undefined) =>
  a?.revision === b?.revision && a?.fault === b?.fault;
