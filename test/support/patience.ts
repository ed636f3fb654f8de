import { vi } from 'vitest';

// A condition may take long on a busy machine; only one that never becomes true is a failure.
const PATIENCE = { timeout: 15_000, interval: 20 };
const { waitFor } = vi;
// The test files of one worker share this setting, and this file is read for each of them.
if (waitFor.name !== 'waitPatiently') {
  vi.waitFor = function waitPatiently(condition, options) {
    return waitFor(condition, { ...PATIENCE, ...(typeof options === 'number' ? { timeout: options } : options) });
  };
}
