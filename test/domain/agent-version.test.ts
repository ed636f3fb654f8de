import { describe, expect, it } from 'vitest';
import { agentVersion, compareAgentVersions, lineOfAgent, readAgentVersion } from '../../src/domain/agent-version.ts';

it.each([
  ['16.4.6', '16.4.6'],
  ['v16.4.6', '16.4.6'],
  ['V14.3.3', '14.3.3'],
  [' 14.3.3\n', '14.3.3'],
  ['14.3', '14.3.0'],
  ['v14', '14.0.0'],
  ['15.4.9+fips.1', '15.4.9+fips.1'],
  ['v17.0.0-dev.1+build', '17.0.0-dev.1+build'],
  ['17.0.0-rc.1', '17.0.0-rc.1'],
  ['', '?'],
  ['latest', '?'],
  ['16.4.x', '?'],
  ['16.4.6 or so', '?'],
  ['016.4.6', '?'],
  ['16.4.6+', '?'],
  [`16.4.6-${'a'.repeat(100)}`, '?'],
  ['vv16.4.6', '?'],
])('reads the version of an agent that writes %j as %s', (text, expected) => {
  expect(readAgentVersion(text)).toBe(expected);
});

describe('rules are applied', () => {
  it.each([
    ['15.4.9+fips.1', '15.4.9'],
    ['14.x', '14.0.0'],
    ['4.3.x', '4.3.0'],
    ['16.4.6', '16.4.6'],
    ['?', undefined],
  ])('to %s as %s', (text, expected) => {
    expect(agentVersion(text)?.text).toBe(expected);
  });

  it.each([
    ['?', '0.0.1', -1],
    ['?', '?', 0],
    ['16.4.6+a', '16.4.6+b', 0],
    ['16.4.6-rc.1', '16.4.6', -1],
    ['14.x', '14.3.2', -1],
    ['16.10.0', '16.9.0', 1],
  ])('comparing %s with %s: %d', (a, b, order) => {
    expect(Math.sign(compareAgentVersions(a, b))).toBe(order);
    expect(Math.sign(compareAgentVersions(b, a))).toBe(-order + 0);
  });
});

it.each([
  ['14.3.2', '14.x'],
  ['14.3.2+fips', '14.x'],
  ['4.3.1', '4.3.x'],
  ['99.0.0', '99.x'],
  ['100.0.0', '?'],
  ['9999.1.1', '?'],
  ['?', '?'],
])('counts %s, if it is one version too many, as %s', (version, expected) => {
  expect(lineOfAgent(version)).toBe(expected);
});
