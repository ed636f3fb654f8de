import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ENVIRONMENT } from '../../src/config/raw.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { findProgram } from '../support/packages.ts';
import { temporaryDirectory } from '../support/server.ts';

const VERSION: string = JSON.parse(readFileSync('package.json', 'utf8')).version;

describe('compose.yaml', () => {
  const compose = parse(readFileSync('compose.yaml', 'utf8'));

  it('agrees with the Compose specification', () => {
    // The schema of github.com/compose-spec/compose-spec (Apache-2.0), as of October 2021.
    const text = readFileSync('test/fixtures/compose-spec.json', 'utf8');
    // Its names are of an older draft, and nothing refers to them.
    const isName = (key: string, value: unknown) => ['id', '$schema'].includes(key) && typeof value === 'string';
    const rules = JSON.parse(text, (key, value) => (isName(key, value) ? undefined : value));
    const validate = new Ajv2019({ strict: false, validateFormats: false, allErrors: true }).compile(rules);
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
    validate({ ...compose, services: { fairway: { imagine: 'x' } } });
    expect(validate.errors).not.toBeNull();
  });

  it('mounts files that exist, and publishes nothing but the polls to others', () => {
    for (const [name, service] of Object.entries<{ volumes: string[]; ports?: string[] }>(compose.services)) {
      const mounts = service.volumes.filter((volume) => volume.startsWith('./'));
      for (const mount of mounts) expect(existsSync(mount.split(':')[0] ?? ''), `${name}: ${mount}`).toBe(true);
      for (const port of service.ports ?? []) expect(port).toMatch(/^(8080:8080|127\.0\.0\.1:)/);
    }
  });

  it('sets only variables that Fairway reads, to settings that it accepts', () => {
    const { environment, image } = compose.services.fairway;
    const known = ['FAIRWAY_CONFIG', ...Object.keys(ENVIRONMENT)];
    expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
    const env = {
      ...environment,
      FAIRWAY_CONFIG: 'config/quickstart.yaml',
      FAIRWAY_ADMIN_TOKEN: 'a-token-of-the-tests',
    };
    expect(loadSettings('config/default.yaml', env).operator.host).toBe('0.0.0.0');
    expect(image).toBe(`fairway:${VERSION}`);
  });

  it.skipIf(findProgram('promtool') === null)('gives Prometheus a configuration that it accepts', () => {
    const dir = temporaryDirectory();
    for (const file of ['compose/prometheus.yaml', 'fairway.rules.yaml']) {
      cpSync(join('config/monitoring', file), join(dir, file.replace('compose/', '')));
    }
    const printed = execFileSync('promtool', ['check', 'config', join(dir, 'prometheus.yaml')], { encoding: 'utf8' });
    expect(printed).toContain('SUCCESS');
  });
});

describe('systemd/fairway.service', () => {
  const unit = readFileSync('systemd/fairway.service', 'utf8');

  it('gives a server longer to stop than it takes', () => {
    const { drain, deadline } = loadSettings('config/default.yaml', {}).shutdown;
    const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(unit) ?? [];
    // A drain of some seconds is usual behind a load balancer.
    expect(Number(seconds) * 1000).toBeGreaterThan(drain + deadline + 5_000);
  });

  it('names variables that Fairway reads', () => {
    const [, variables = ''] = /^Environment=(.*)$/m.exec(unit) ?? [];
    const names = variables.split(' ').map((pair) => pair.split('=')[0]);
    expect(names).toEqual(['FAIRWAY_CONFIG', 'FAIRWAY_DATA_DIR']);
  });

  it.skipIf(findProgram('systemd-analyze') === null)('is a unit that systemd accepts', () => {
    const dir = temporaryDirectory();
    const file = join(dir, 'fairway.service');
    // The check wants the program to exist.
    writeFileSync(file, unit.replace('/usr/bin/node /opt/fairway/dist/main.js', process.execPath));
    expect(execFileSync('systemd-analyze', ['verify', file], { encoding: 'utf8', stdio: 'pipe' })).toBe('');
  });
});
