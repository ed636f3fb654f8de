import { describe, expect, it } from 'vitest';
import { openStage, RELEASE, startStages } from '../support/promotion.ts';
import { TOKENS } from '../support/server.ts';
import { createPerson } from './person.ts';

const PAGE = `/releases/${RELEASE}`;
const SECRET = '16.4.8';
const EARNEST = { confirm: 'yes', reason: 'test' };

/** A release with a significant change that waits for a sign-off, and one under embargo. */
async function started() {
  const stages = await startStages([openStage('canary', { automatic: false, signOff: true })]);
  await stages.register(RELEASE, { changes: [{ pr: 4711, title: 'Rework the recorder', significant: true }] });
  await stages.register(SECRET, { security: true, embargoed: true });
  const signIn = async (role: keyof typeof TOKENS) => {
    const person = createPerson(stages.server);
    await person.signIn(TOKENS[role]);
    return person;
  };
  const release = async (version = RELEASE) => (await stages.api('GET', `/releases/${version}`)).body;
  return { ...stages, signIn, release };
}

const VERBS = ['promote', 'approve', 'expedite', 'halt', 'resume', 'supersede', 'pull', 'lift-embargo'];

describe('pages of releases', () => {
  it('can be read by everyone, and steered only by release managers', async () => {
    const { signIn, states, release } = await started();
    const operator = await signIn('operator');
    const { status, text } = await operator.get(PAGE);
    expect(status).toBe(200);
    expect(text).toContain('not signed off: 4711');
    for (const verb of VERBS) {
      expect(text, verb).not.toContain(`${PAGE}/${verb}`);
      expect((await operator.get(`${PAGE}/${verb}`)).status, verb).toBe(403);
      const reply = await operator.submit(`${PAGE}/${verb}`, { ...EARNEST, revision: '2' });
      expect(reply.status, verb).toBe(403);
      expect(reply.text).toContain('this needs the role release-manager, and token:operator has the role operator');
    }
    expect(await states()).toEqual(['waiting']);
    expect((await release()).pulled).toBeNull();
    const manager = await (await signIn('release-manager')).get(PAGE);
    for (const verb of ['promote', 'halt', 'supersede', 'pull']) expect(manager.text).toContain(`${PAGE}/${verb}`);
  });

  it('let operators sign off, but not viewers', async () => {
    const { signIn, release } = await started();
    const [viewer, operator] = [await signIn('viewer'), await signIn('operator')];
    const { revision } = await release();
    const form = { ...EARNEST, pr: '4711', revision: String(revision) };
    expect((await viewer.get(PAGE)).text).not.toContain('sign-off');
    expect((await viewer.submit(`${PAGE}/sign-off`, form)).status).toBe(403);
    expect((await release()).changes[0].signedOff).toBeNull();
    expect((await operator.get(PAGE)).text).toContain('sign-off?pr=4711');
    expect((await operator.submit(`${PAGE}/sign-off`, form)).status).toBe(303);
    expect((await release()).changes[0].signedOff).toMatchObject({ by: 'token:operator' });
  });

  it('change nothing for a forged form, or if the release has changed since', async () => {
    const { signIn, release, api } = await started();
    const manager = await signIn('release-manager');
    const { revision } = await release();
    const forged = { ...EARNEST, revision: String(revision), csrf: 'made-up' };
    for (const verb of VERBS) expect((await manager.post(`${PAGE}/${verb}`, forged)).status, verb).toBe(403);
    await api('POST', `${PAGE}/changes/4711/sign-off`, {});
    const late = await manager.submit(`${PAGE}/pull`, { ...EARNEST, revision: String(revision) });
    expect(late.status).toBe(412);
    expect(late.text).toContain('Nothing was changed');
    expect((await release()).pulled).toBeNull();
  });

  it.each([
    ['approve', { stage: 'moon' }, 'the stages are canary'],
    ['pull', { reason: '' }, '<b>Reason</b>: must not be empty'],
    ['sign-off', { pr: '99' }, 'has no change 99'],
    ['sign-off', { pr: 'none' }, 'expected a number'],
    ['supersede', { by: 'v1' }, '<b>Fixed release</b>: '],
    ['resume', {}, 'stage canary is waiting, which does not allow resume'],
    ['lift-embargo', {}, 'is not under embargo'],
  ])('say what is wrong with %s %o', async (verb, form, words) => {
    const { signIn } = await started();
    const reply = await (await signIn('admin')).submit(`${PAGE}/${verb}`, { reason: 'test', ...form } as never);
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.text).toContain(reply.status === 422 ? 'Faults in the form' : 'This would be refused');
    expect(reply.text).toContain(words);
  });

  it('hide an embargoed release from everyone below release manager', async () => {
    const { signIn, release } = await started();
    const operator = await signIn('operator');
    expect((await operator.get('/releases')).text).not.toContain(SECRET);
    for (const path of [`/releases/${SECRET}`, `/releases/${SECRET}/sign-off`]) {
      const reply = await operator.get(path);
      expect(reply.status, path).toBe(404);
      expect(reply.text).toContain(`there is no release ${SECRET}`);
      const absent = await operator.get(path.replace(SECRET, '16.4.9'));
      expect(absent.text.replaceAll('16.4.9', SECRET)).toBe(reply.text);
    }
    const manager = await signIn('release-manager');
    expect((await manager.get(`/releases/${SECRET}`)).text).toContain('embargoed');
    const lift = { channels: 'canary', reason: 'CVE is public' };
    const preview = await manager.submit(`/releases/${SECRET}/lift-embargo`, lift);
    expect(preview.text).toContain(`forward to ${SECRET}`);
    expect((await release(SECRET)).embargoed, 'a preview changes nothing').toBe(true);
    const revision = /name="revision" value="(\d+)"/.exec(preview.text)?.[1] ?? '';
    const lifted = await manager.submit(`/releases/${SECRET}/lift-embargo`, { ...lift, confirm: 'yes', revision });
    expect(lifted.status).toBe(303);
    expect((await release(SECRET)).embargoed).toBe(false);
    expect((await operator.get(`/releases/${SECRET}`)).status).toBe(200);
  });

  it('show an imported release, and say that it is not promoted', async () => {
    const { signIn } = await started();
    const { status, text } = await (await signIn('viewer')).get('/releases/16.4.7');
    expect(status).toBe(200);
    expect(text).toContain('16.4.7 has no promotion');
  });
});
