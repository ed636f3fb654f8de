import { type TestServer, TOKENS } from '../support/server.ts';

export interface PageReply {
  status: number;
  headers: Headers;
  text: string;
}

/** A person who uses the dashboard with raw requests, keeping cookies as a browser does. */
export function createPerson({ operatorUrl }: Pick<TestServer, 'operatorUrl'>) {
  const cookies = new Map<string, string>();

  async function send(path: string, init: RequestInit = {}): Promise<PageReply> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { Accept: 'text/html', Cookie: cookie, ...init.headers };
    const response = await fetch(`${operatorUrl}${path}`, { redirect: 'manual', ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/Max-Age=0/.test(line)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  const get = (path: string, headers: Record<string, string> = {}) => send(path, { headers });
  const post = (
    path: string,
    form: Record<string, string> | [string, string][],
    headers: Record<string, string> = {},
  ) => send(path, { method: 'POST', body: new URLSearchParams(form), headers });
  /** The token that the forms of a page carry. */
  const csrfOf = ({ text }: PageReply) => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? '';

  return {
    cookies,
    get,
    post,
    csrfOf,
    async signIn(token: string = TOKENS.operator, headers: Record<string, string> = {}): Promise<PageReply> {
      const csrf = csrfOf(await get('/sign-in', headers));
      return post('/sign-in', { token, csrf, next: '/' }, headers);
    },
    /** The same for a form that has names more than once. */
    async submitAll(path: string, form: [string, string][]): Promise<PageReply> {
      return post(path, [['csrf', csrfOf(await get('/'))], ...form]);
    },
    /** Sends a form as a page of this session would. */
    async submit(path: string, form: Record<string, string>): Promise<PageReply> {
      return post(path, { csrf: csrfOf(await get('/')), ...form });
    },
  };
}
