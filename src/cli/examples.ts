import type { Command } from 'commander';

/** What people type most, by command. Every command has an example, and a test checks that each could be run. */
export const EXAMPLES: Record<string, string[]> = {
  status: ['status'],
  channels: ['channels'],
  show: ['show stable/cloud', 'show stable/cloud --watch'],
  check: ['check stable/cloud 16.4.8'],
  plan: ['plan stable/cloud --watch'],
  'roll-forward': [
    'roll-forward stable/cloud 16.4.8',
    'roll-forward stable/cloud 18.0.1 --stepped --reason "to 18" --yes',
    'roll-forward stable/cloud 16.4.8 --at "tomorrow 04:00" --reason monthly',
  ],
  'roll-back': ['roll-back stable/cloud', 'roll-back stable/cloud 16.4.6 --critical --reason "incident 12" --yes'],
  pin: ['pin stable/cloud --until "tomorrow 08:00"', 'pin stable/cloud 16.4.6 --reason "incident 12"'],
  unpin: ['unpin stable/cloud --reason "incident 12 is over"'],
  'cancel-plan': ['cancel-plan stable/cloud --reason "later"'],
  release: ['release stable/cloud --reason "the fix is out"'],
  critical: ['critical stable/cloud --until 4h --reason CVE', 'critical stable/cloud --off --reason "all are done"'],
  withdraw: ['withdraw stable/cloud --dry-run --reason "agents lose sessions"'],
  'rollout show': ['rollout stable/cloud', 'rollout show stable/cloud --watch'],
  'rollout start': ['rollout start stable/cloud --group dev --reason "it is quiet"'],
  'rollout done': ['rollout done stable/cloud --group dev --reason "the rest is off"'],
  'rollout roll-back': ['rollout roll-back stable/cloud --reason "agents lose sessions"'],
  'rollout pause': ['rollout pause stable/cloud --reason "incident 12"'],
  'rollout resume': ['rollout resume stable/cloud --reason "incident 12 is over"'],
  'rollout reset': ['rollout reset stable/cloud --reason "begin again"'],
  'scheduled list': ['scheduled', 'scheduled -c stable/cloud'],
  'scheduled cancel': ['scheduled cancel 0a1b2c3d4e5f --reason "not this week"'],
  'freezes list': ['freezes'],
  'freezes add': ['freezes add --until "2027-01-02T08:00:00Z" --id holidays --reason holidays'],
  'freezes remove': ['freezes remove holidays --reason "all are back"'],
  wait: ['wait stable/cloud --timeout 30m', 'wait stable/cloud --for plan'],
  'channel create': ['channel create beta --control-plane main --target 16.4.7'],
  'channel set': [
    'channel set beta --description "Tries everything first" --accepts stable,beta',
    'channel set stable/cloud --file groups.yaml --reason "canaries first"',
  ],
  'channel delete': ['channel delete beta'],
  agents: ['agents -c stable/cloud --older-than 16.0.0', "agents --version '?'", 'agents --mark reverted'],
  'agents forget': ['agents forget agent-1 --reason "its host is gone"'],
  explain: ['explain agent-1'],
  census: ['census', 'census stable/cloud'],
  evidence: ['evidence stable/cloud'],
  'evidence accept': ['evidence accept stable/cloud inventory --reason "scaled down"'],
  'evidence forget': [
    'evidence forget stable/cloud inventory --reason "moved to check-ins"',
    `evidence forget stable/cloud --version '?' --reason "its host is gone"`,
  ],
  'inventory import': [
    'tctl inventory ls --format=json | fairway inventory import --control-plane main',
    'inventory import inventory.json -c stable/cloud --partial',
  ],
  'releases list': ['releases'],
  'releases show': ['releases show 16.4.8'],
  'releases register': [
    'releases register 16.4.8 --commit f00dfacade --cut-at 2026-11-22T18:00:00Z --previous 16.4.7 --significant "4711:Rework the recorder"',
  ],
  'releases artifacts': ['releases artifacts 16.4.8 packages published'],
  'releases sign-off': ['releases sign-off 16.4.8 4711 --reason "tested on staging"'],
  'releases pull': ['releases pull 16.4.8 --reason "it leaks sessions" --dry-run'],
  'releases lift-embargo': ['releases lift-embargo 16.4.8 --channel stable/cloud --reason "the CVE is public"'],
  'releases tags': ['releases tags 16.4.8'],
  'releases support': ['releases support'],
  'releases cut-branch': ['releases cut-branch 18 --reason "branch/v18 was cut"'],
  'releases backport-plan': ['releases backport-plan --urgent', 'releases backport-plan --security --majors 16,17'],
  'releases import': ['releases import releases.json'],
  'promote list': ['promote list', 'promote list --state halted'],
  'promote expedite': ['promote expedite 18.0.0-cloud.20241113T090000.c0ffee1 --reason "sessions leak"'],
  'promote show': ['promote show 18.0.0-cloud.20241112T101530.f00dfac --watch'],
  'promote approve': ['promote approve 18.0.0-cloud.20241112T101530.f00dfac internal --reason tested'],
  'promote start': ['promote start 18.0.0-cloud.20241112T101530.f00dfac --reason soaked'],
  'promote halt': ['promote halt 18.0.0-cloud.20241112T101530.f00dfac --reason "errors rise"'],
  'promote resume': ['promote resume 18.0.0-cloud.20241112T101530.f00dfac --reason "it was the network"'],
  'promote supersede': [
    'promote supersede 18.0.0-cloud.20241112T101530.f00dfac 18.0.0-cloud.20241113T090000.c0ffee1 --reason "has the fix"',
  ],
  changes: ['changes 4711'],
  'version parse': ['version parse 16.4.8'],
  'version mint': ['version mint --commit f00dfacade', 'version mint --commit f00dfacade --releases releases.json'],
  'control-planes list': ['control-planes'],
  'control-planes wanted': ['control-planes wanted main'],
  'control-planes wait': ['control-planes wait main --timeout 30m'],
  'control-planes import': ['control-planes import tenants.json'],
  'control-planes show': ['control-planes show main'],
  'control-planes report': [
    'control-planes report main 17.4.2',
    'control-planes report main --component auth=17.4.2 --component proxy=17.4.1',
  ],
  'control-planes delete': ['control-planes delete main --dry-run'],
  'control-planes check': ['control-planes check main 18.0.1'],
  'audit list': ['audit --limit 50'],
  'audit verify': ['audit verify', 'audit verify --file audit-2025.jsonl'],
  'audit archive': ['audit archive --before 2026-01-01T00:00:00Z --reason "a year is over" --yes > audit-2025.jsonl'],
  export: ['export > state.yaml'],
  apply: ['apply state.yaml --dry-run'],
  recover: ['recover served --dry-run'],
  'config check': ['config check /etc/fairway/fairway.yaml'],
  doctor: ['doctor --public https://updates.example.com'],
  login: ['login https://fairway.example.com', 'login http://127.0.0.1:8081 < data/admin-token'],
  logout: ['logout'],
  completion: ['source <(fairway completion bash)', 'fairway completion fish | source'],
};

/** Adds its examples to the help of each command. */
export function addExamples(command: Command, path: string[] = []): void {
  for (const each of command.commands) {
    const words = [...path, each.name()];
    const examples = EXAMPLES[words.join(' ')] ?? [];
    const lines = examples.map((example) => (example.includes('fairway ') ? `  ${example}` : `  fairway ${example}`));
    if (lines.length > 0) each.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
    addExamples(each, words);
  }
}
