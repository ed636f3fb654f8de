import { expect, it } from 'vitest';
import { isAgentId, isGroup, isUpdaterKind } from '../../src/domain/agent.ts';

it.each([
  ['a UUID', 'd906549e-6107-4c5e-9b0a-1d1d4bb8a001', true],
  ['every character allowed', 'A-Za-z0-9._:-', true],
  ['one character', 'a', true],
  ['128 characters', 'a'.repeat(128), true],
  ['129 characters', 'a'.repeat(129), false],
  ['nothing', '', false],
  ['a space', 'a b', false],
  ['a slash', 'a/b', false],
  ['a line break at the end', 'a\n', false],
  ['a NUL', 'a\0', false],
  ['a letter outside of ASCII', 'ä', false],
])('an agent id may be %s: %j %s', (_, id, allowed) => {
  expect(isAgentId(id)).toBe(allowed);
});

it.each([
  ['prod', true],
  ['a'.repeat(64), true],
  ['a'.repeat(65), false],
  ['', false],
  ['two words', false],
])('group %j: %s', (group, allowed) => {
  expect(isGroup(group)).toBe(allowed);
});

it.each([
  ['unit', true],
  ['kube', true],
  ['binary', true],
  ['Unit', false],
  ['none', false],
  ['', false],
])('updater %j: %s', (kind, known) => {
  expect(isUpdaterKind(kind)).toBe(known);
});
