import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settingsSchema } from '../../src/config/settings.ts';
import { readSettings, settingsTable } from '../support/settings-table.ts';

const FILE = 'docs/operating.md';
const SETTINGS = readSettings(settingsSchema, readFileSync('config/default.yaml', 'utf8'));

describe('the table of settings in docs/operating.md', () => {
  it('has a meaning for each setting: a comment in config/default.yaml, or a description in the schema', () => {
    expect(SETTINGS.filter(({ meaning }) => meaning === '').map(({ path }) => path)).toEqual([]);
    expect(SETTINGS.length).toBeGreaterThan(60);
  });

  it('matches the schema and config/default.yaml; UPDATE_GOLDEN=1 rewrites it', () => {
    const page = readFileSync(FILE, 'utf8');
    const [, before = '', after = ''] = /^(.*<!-- settings -->\n).*(<!-- \/settings -->\n.*)$/s.exec(page) ?? [];
    const whole = `${before}${settingsTable(SETTINGS)}\n${after}`;
    if (process.env.UPDATE_GOLDEN && before) writeFileSync(FILE, whole);
    else expect(page).toBe(whole);
  });
});
