import type { RequestListener } from 'node:http';
import { startPeer, type TestPeer } from './peer.ts';

/** A span as a collector receives it. */
export interface SentSpan {
  name: string;
  traceId: string;
  spanId: string;
  /** Undefined for the first span of a trace. */
  parentSpanId: string | undefined;
  /** The number in OTLP: 1 internal, 2 server, 3 client. */
  kind: number;
  failed: boolean;
  attributes: Record<string, unknown>;
  service: unknown;
}

/** A collector that accepts spans as OTLP/HTTP with JSON. */
export interface Collector extends TestPeer {
  endpoint: string;
  spans: SentSpan[];
  /** The bodies as they arrived. */
  text: string;
  named(name: string): SentSpan[];
  childrenOf(span: SentSpan | undefined): SentSpan[];
}

export async function startCollector(): Promise<Collector> {
  const spans: SentSpan[] = [];
  const take: RequestListener = (request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      const right = request.method === 'POST' && request.url === '/v1/traces';
      const json = request.headers['content-type'] === 'application/json';
      if (!right || !json) return void response.writeHead(400).end();
      spans.push(...readSpans(text));
      collector.text += text;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  };
  const peer = await startPeer(take);
  const collector: Collector = Object.assign(peer, {
    endpoint: `${peer.url}/v1/traces`,
    spans,
    text: '',
    named: (name: string) => spans.filter((span) => span.name === name),
    childrenOf: (parent: SentSpan | undefined) =>
      spans.filter((span) => parent && span.traceId === parent.traceId && span.parentSpanId === parent.spanId),
  });
  return collector;
}

type Value = Record<string, unknown> & { arrayValue?: { values: Value[] } };
type Attribute = { key: string; value: Value };
interface Exported {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: (Omit<SentSpan, 'attributes'> & { attributes: Attribute[]; status: { code: number } })[] }[];
  }[];
}

const readValue = ({ arrayValue, ...value }: Value): unknown =>
  arrayValue ? arrayValue.values.map(readValue) : Object.values(value)[0];
const attributesOf = (attributes: Attribute[]) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, readValue(value)]));

function readSpans(body: string): SentSpan[] {
  const { resourceSpans } = JSON.parse(body) as Exported;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ name, traceId, spanId, parentSpanId, kind, attributes, status }) => ({
        name,
        traceId,
        spanId,
        parentSpanId: parentSpanId || undefined,
        kind,
        failed: status.code === 2,
        attributes: attributesOf(attributes),
        service: attributesOf(resource.attributes)['service.name'],
      })),
    ),
  );
}
