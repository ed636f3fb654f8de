import { describe, expect, it } from 'vitest';
import { readRegisteredServers } from '../../src/domain/teleport-metrics.ts';
import { AUTH_METRICS } from '../support/teleport.ts';

const servers = (labels: string, value: number | string) => `teleport_registered_servers{${labels}} ${value}\n`;
const enrolled = (version: string, value: number | string) =>
  servers(`version="${version}",automatic_updates="true"`, value);
const others = (version: string, value: number) => servers(`version="${version}",automatic_updates="false"`, value);

describe("auth servers' metrics", () => {
  it('are summed over labels, and agents that are not enrolled are counted apart', () => {
    expect(readRegisteredServers([AUTH_METRICS])).toEqual({
      versions: { '16.4.6': 120, '16.4.3': 60, '16.3.0': 25, '16.1.8': 10, '15.4.9': 14, '15.4.7': 6 },
      unmanaged: { '13.3.5': 1, '16.4.7': 3 },
    });
  });

  it('are summed over servers', () => {
    const found = readRegisteredServers([AUTH_METRICS, enrolled('v16.4.6', 2)]);
    expect(found).toMatchObject({ versions: { '16.4.6': 122, '15.4.7': 6 } });
  });

  it('count bots among those that are not enrolled', () => {
    const bots = 'teleport_bot_instances{version="14.0.0"} 4\nteleport_bot_instances{version="16.4.7"} 1\n';
    expect(readRegisteredServers([others('16.4.7', 2) + bots])).toEqual({
      versions: {},
      unmanaged: { '16.4.7': 3, '14.0.0': 4 },
    });
  });

  it('may agree with the number of enrolled agents that the page has, each page for itself', () => {
    const [one, two] = [enrolled('16.4.6', 2), enrolled('16.4.6', 3)];
    const page = (text: string, total: number) => `${text}teleport_enrolled_in_upgrades ${total}\n`;
    expect(readRegisteredServers([page(one, 2), page(two, 3)])).toMatchObject({ versions: { '16.4.6': 5 } });
    expect(readRegisteredServers([page(one, 3), page(two, 2)])).toMatch(/2 enrolled agents and .* has 3/);
    expect(readRegisteredServers([page(others('16.4.6', 2), 0)])).toMatchObject({ versions: {} });
  });

  it.each([
    ['V14.3.3', '14.3.3'],
    [' 14.3', '14.3.0'],
    ['17.2.0+fips', '17.2.0+fips'],
    ['', '?'],
    ['teleport', '?'],
  ])('read the version %j as %s', (text, version) => {
    expect(readRegisteredServers([enrolled(text, 3)])).toEqual({ versions: { [version]: 3 }, unmanaged: {} });
  });

  it('count agents without a version', () => {
    expect(readRegisteredServers([servers('automatic_updates="true"', 3)])).toMatchObject({ versions: { '?': 3 } });
  });

  it('count by release line beyond a thousand versions', () => {
    const page = Array.from({ length: 1_200 }, (_, patch) => enrolled(`16.0.${patch}`, 1)).join('');
    const found = readRegisteredServers([page]);
    expect(found).toMatchObject({ versions: { '16.x': 200, '16.0.999': 1 } });
  });

  it.each([
    ['without the metric', 'up 1\n', /no teleport_registered_servers/],
    ['without the label that says who is enrolled', servers('version="14.3.3"', 500), /no label automatic_updates/],
    ['with another word', servers('version="1.0.0",automatic_updates="True"', 1), /neither true nor false/],
    ['with an empty word', servers('version="1.0.0",automatic_updates=""', 1), /neither true nor false/],
    ['with part of an agent', enrolled('1.0.0', 1.5), /not a number/],
    ['with fewer than no agents', enrolled('1.0.0', -1), /not a number/],
    ['with no number of agents', enrolled('1.0.0', 'NaN'), /not a number/],
    ['with part of a bot', `${enrolled('1.0.0', 1)}teleport_bot_instances{version="1.0.0"} 0.5\n`, /bots/],
    ['with another total', `${enrolled('1.0.0', 1)}teleport_enrolled_in_upgrades 2\n`, /must agree/],
    ['cut off', AUTH_METRICS.slice(0, 400), /cut off/],
  ])('are refused %s, also beside a good answer', (_, text, fault) => {
    expect(readRegisteredServers([AUTH_METRICS, text])).toMatch(fault);
  });
});
