// Simulates fleets that get a release, good or bad, by the rules of src/domain: `npm run bench:rollout`, or with
// another number of agents: `npm run bench:rollout -- 1000000`. With shares, such as `-- 1000000 0.1 1`, only releases
// that break so many agents.
import { join } from 'node:path';
import { bundle, root } from '../../scripts/bundle.mjs';
import { median } from '../statistics.mjs';

const load = async (name) => {
  const file = join(root, `node_modules/.cache/fairway-bench-rollout-${name}.mjs`);
  await bundle(`bench/rollout/${name}.ts`, file);
  return import(file);
};
const { simulate } = await load('simulation');
const { PLANS, RECOMMENDED, scenarioOf } = await load('plans');

const given = process.argv.slice(3).map(Number);
const BROKEN = given.length > 0 ? given : [0.01, 0.1, 1];
const agents = Number(process.argv[2] ?? 10_000);
const isLarge = agents > 100_000;
const seeds = Array.from({ length: Number(process.env.SEEDS ?? (isLarge ? 1 : 5)) }, (_, nth) => nth + 1);
const number = (value) => value.toLocaleString('en');
const share = (value) => `${Number(((value / agents) * 100).toPrecision(2))} %`;
const hours = (minutes) => (minutes === null ? 'never' : `${(minutes / 60).toFixed(1)} h`);

console.log(`${number(agents)} agents, ${seeds.length} seeds\n`);
console.log(`| agents hurt by a release that breaks | ${BROKEN.map((each) => `${each * 100} %`).join(' | ')} |`);
console.log(`|---|${BROKEN.map(() => '--:|').join('')}`);
for (const plan of PLANS) {
  const cells = BROKEN.map((broken) => {
    const outcomes = seeds.map((seed) => simulate(scenarioOf(plan, agents, broken, seed)));
    const hurt = outcomes.map((outcome) => outcome.hurt);
    const most = Math.max(...hurt);
    const range = seeds.length > 1 ? `, at most ${number(most)}` : '';
    return `${number(median(hurt))}${range} (${share(most)})`;
  });
  console.log(`| ${plan.name} | ${cells.join(' | ')} |`);
}

console.log('\n| a good release reaches everybody | after | windows and waits alone | ratio |');
console.log('|---|--:|--:|--:|');
for (const plan of given.length > 0 ? [] : [PLANS[0], PLANS[3], RECOMMENDED]) {
  const scenario = scenarioOf(plan, agents, 0, 7);
  const real = simulate(scenario).everybody;
  const ideal = simulate({ ...scenario, ideal: true }).everybody;
  console.log(`| ${plan.name} | ${hours(real)} | ${hours(ideal)} | ${(real / ideal).toFixed(2)} |`);
}
