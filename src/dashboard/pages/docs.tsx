import { Hono } from 'hono';
import { raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import type { DashboardEnv } from '../frame.ts';
import { Operation, type OperationObject } from '../parts/operation.tsx';
import { type Schema, SchemaView } from '../parts/schema.tsx';
import { renderPage } from '../render.tsx';

/** The parts of an OpenAPI 3.1 document that are shown. The document is ours, so its shape is known. */
interface OpenApi {
  info: { title: string; version: string; description?: string };
  servers?: { url: string }[];
  paths?: Record<string, Record<string, OperationObject>>;
  components?: { schemas?: Record<string, Schema> };
}

interface Entry {
  method: string;
  path: string;
  operation: OperationObject;
}

/** The operations by tag, in the document's order. */
function byTag({ paths = {} }: OpenApi): Map<string, Entry[]> {
  const tags = new Map<string, Entry[]>();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const tag = operation.tags?.[0] ?? 'other';
      tags.set(tag, [...(tags.get(tag) ?? []), { method, path, operation }]);
    }
  }
  return tags;
}

const anchor = (text: string) => text.replaceAll(/[^A-Za-z0-9]+/g, '-');

function Docs({ document }: { document: OpenApi }) {
  const tags = byTag(document);
  const base = document.servers?.[0]?.url ?? '';
  const schemas = Object.entries(document.components?.schemas ?? {});
  return (
    <div class="docs">
      <nav aria-label="Reference" class="contents">
        {[...tags.keys()].map((tag) => (
          <a href={`#${anchor(tag)}`}>{tag}</a>
        ))}
        <a href="#schemas">schemas</a>
      </nav>
      <div>
        <div class="heading">
          <h1>
            {document.info.title} API <small class="muted">{document.info.version}</small>
          </h1>
          <a href="/openapi.json">openapi.json</a>
        </div>
        <p>
          {document.info.description} Send <code>Authorization: Bearer TOKEN</code>; errors are{' '}
          <a href="#schema-Problem">problem documents</a> (RFC 9457) with a stable <code>code</code>.
        </p>
        {[...tags].map(([tag, entries]) => (
          <section id={anchor(tag)}>
            <h2>{tag}</h2>
            {entries.map(({ method, path, operation }) => (
              <Operation method={method} path={`${base}${path}`} operation={operation} />
            ))}
          </section>
        ))}
        <section id="schemas">
          <h2>schemas</h2>
          {schemas.map(([name, schema]) => (
            <details class="operation" id={`schema-${name}`}>
              <summary>
                <code>{name}</code>
              </summary>
              <SchemaView schema={schema} />
            </details>
          ))}
        </section>
      </div>
    </div>
  );
}

/** `/docs`: the API's reference, made from its OpenAPI document. No library renders one without inline styles. */
export function docsPage(openApi: () => object) {
  const app = new Hono<DashboardEnv>();
  /** Rendered once; only the frame around it differs. */
  let reference: HtmlEscapedString | undefined;
  app.get('/docs', (c) => {
    reference ??= raw(String(<Docs document={openApi() as OpenApi} />));
    return renderPage(c, { title: 'API', section: 'docs' }, reference);
  });
  return app;
}
