import { expect, it } from 'vitest';
import type { Api } from '../../src/cli/client.ts';
import { readAll } from '../../src/cli/client.ts';

const NAMES = Array.from({ length: 7 }, (_, n) => `c&${n}`);

it('follows the pages of a list until the last, and takes the one page of an older server', async () => {
  const paged = (async (path: string) => {
    const after = new URL(path, 'http://fairway').searchParams.get('after');
    const begin = after === null ? 0 : NAMES.indexOf(after) + 1;
    const channels = NAMES.slice(begin, begin + 3);
    return { channels, next: begin + 3 < NAMES.length ? channels.at(-1) : null };
  }) as Api;
  expect(await readAll(paged, '/channels', 'channels')).toEqual({ channels: NAMES });
  const whole = (async () => ({ channels: NAMES })) as unknown as Api;
  expect(await readAll(whole, '/channels', 'channels')).toEqual({ channels: NAMES });
});
