import { TOKEN } from '../operator.mjs';
import { cpuSeconds } from '../processes.mjs';
import { fillChannels, fillControlPlanes, milliseconds, watchPolls, withWorld } from './world.mjs';

export const title = 'Pages of the dashboard, by control planes and channels';

const SIZES = [100, 5_000, 10_000];
const PATHS = ['/control-planes', '/'];
const TIMES = 5;

export const run = (print) =>
  withWorld(1, async (world) => {
    const [server] = world.servers;
    const page = await signIn(server);
    let from = 0;
    for (const size of SIZES) {
      await fillChannels(world, from, size);
      await fillControlPlanes(world, from, size);
      from = size;
      const line = { 'channels and control planes': size };
      const polls = watchPolls(server);
      for (const path of PATHS) {
        const cpu = cpuSeconds(server.pid);
        let bytes = 0;
        for (let time = 0; time < TIMES; time++) bytes = (await page(path)).length;
        line[path] = milliseconds(((cpuSeconds(server.pid) - cpu) * 1_000) / TIMES);
        line[`KB of ${path}`] = (bytes / 1_000).toFixed(0);
      }
      print({ ...line, 'longest poll': milliseconds(Math.max(...(await polls.stop()))) });
    }
  });

/** Answers what gets a page as a person would who has signed in. */
async function signIn({ operatorPort }) {
  const root = `http://127.0.0.1:${operatorPort}`;
  const cookies = new Map();
  const send = async (path, options = {}) => {
    const Cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { Cookie, Origin: root, ...options.headers };
    const response = await fetch(`${root}${path}`, { redirect: 'manual', ...options, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(';', 1)[0].split('=', 2);
      cookies.set(name, value);
    }
    return { status: response.status, text: await response.text() };
  };
  const form = await send('/sign-in');
  const [, csrf] = /name="csrf" value="([^"]+)"/.exec(form.text) ?? [];
  const body = new URLSearchParams({ token: TOKEN, csrf, next: '/' });
  const { status } = await send('/sign-in', { method: 'POST', body });
  if (status !== 303) throw new Error(`the sign-in answered ${status}`);
  return async (path) => {
    const answer = await send(path);
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
    return answer.text;
  };
}
