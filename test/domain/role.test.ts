import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Action, may, PERMISSIONS, ROLES, type Role, requirePermission, roleFor } from '../../src/domain/role.ts';

const ACTIONS = Object.keys(PERMISSIONS) as Action[];
const FILE = 'docs/operating.md';

function permissionTable(): string {
  const rows = ACTIONS.map((action) => {
    const marks = ROLES.map((role) => (may({ name: 'token:x', role }, action) ? 'yes' : ''));
    return `| ${PERMISSIONS[action][1]} | ${marks.join(' | ')} |`;
  });
  const head = [`| may | ${ROLES.map((role) => `\`${role}\``).join(' | ')} |`, `|---|${'---|'.repeat(ROLES.length)}`];
  return [...head, ...rows].join('\n');
}

describe('a permission', () => {
  it.each<[Role, Action, boolean]>([
    ['viewer', 'read', true],
    ['viewer', 'check', true],
    ['viewer', 'roll-forward', false],
    ['operator', 'roll-forward', true],
    ['operator', 'sign-off', true],
    ['operator', 'see-embargoed', false],
    ['operator', 'pull', false],
    ['operator', 'accept-stranding', false],
    ['release-manager', 'see-embargoed', true],
    ['release-manager', 'pull', true],
    ['release-manager', 'roll-back', true],
    ['release-manager', 'delete-channel', false],
    ['release-manager', 'accept-stranding', false],
    ['admin', 'accept-stranding', true],
    ['admin', 'recover', true],
  ])('of %s for %s: %s', (role, action, expected) => {
    const actor = { name: 'token:x', role };
    expect(may(actor, action)).toBe(expected);
    const attempt = () => requirePermission(actor, action);
    if (expected) expect(attempt).not.toThrow();
    else expect(attempt).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });

  it('is never lost by a higher role', () => {
    for (const action of ACTIONS) {
      const allowed = ROLES.filter((role) => may({ name: 'token:x', role }, action));
      expect(allowed).toEqual(ROLES.slice(ROLES.indexOf(roleFor(action))));
    }
  });

  it('that is missing is refused with the action, the role that it needs, and the role of the caller', () => {
    expect(() => requirePermission({ name: 'token:ci', role: 'operator' }, 'delete-channel')).toThrow(
      'token:ci may not delete a channel: this needs the role admin, and token:ci has the role operator',
    );
  });
});

describe('the table of permissions in docs/operating.md', () => {
  it('is what domain/role.ts says; UPDATE_GOLDEN=1 writes it', () => {
    const page = readFileSync(FILE, 'utf8');
    const parts = /^(.*<!-- permissions -->\n).*(<!-- \/permissions -->\n.*)$/s.exec(page);
    const [, before = '', after = ''] = parts ?? [];
    const whole = `${before}${permissionTable()}\n${after}`;
    if (process.env.UPDATE_GOLDEN && before) writeFileSync(FILE, whole);
    else expect(page).toBe(whole);
  });
});
