import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SlowFirst } from './support/slow-first.ts';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  define: { FAIRWAY_VERSION: JSON.stringify('0.0.0-test') },
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/patience.ts'],
    pool: 'forks',
    // One more than CI has cores: many tests wait, for a lease to end or a server to be taken for dead.
    maxWorkers: 3,
    // A second of CPU time for each file goes into loading and warming up what all of them import. They share the
    // modules, not servers or stores; what one changes of its process, it puts back.
    isolate: false,
    sequence: { sequencer: SlowFirst },
    testTimeout: 40_000,
    // CI's machine is shared: what fails there and passes when tried again tells of its load. A person sees every
    // failure.
    retry: process.env.CI ? 2 : 0,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
