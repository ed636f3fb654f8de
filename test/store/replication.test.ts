import { describe, expect, it } from 'vitest';
import { waitCommand } from '../../src/store/redis-replication.ts';

describe('the command that a commit waits with', () => {
  it.each([
    ['7.0.15', 1, ['WAIT']],
    ['7.2.0', 1, ['WAITAOF', '0']],
    ['7.2.0', 0, ['WAIT']],
    ['7.10.1', 1, ['WAITAOF', '0']],
    ['6.9.9', 1, ['WAIT']],
    ['10.0.0', 1, ['WAITAOF', '0']],
  ])('Redis %s with its append-only file %d: %j', (version, aof, command) => {
    expect(waitCommand(`# Server\r\nredis_version:${version}\r\n# Persistence\r\naof_enabled:${aof}\r\n`)).toEqual(
      command,
    );
  });

  it('a server that does not state its version: WAIT', () => expect(waitCommand('')).toEqual(['WAIT']));
});
