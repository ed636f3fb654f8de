import { vi } from 'vitest';

// A condition may take long on a busy machine; only one that never comes true is a failure.
const PATIENCE = { timeout: 15_000, interval: 20 };
const { waitFor } = vi;
// The files of one worker share it, and this is read for each of them.
if (waitFor.name !== 'waitPatiently') {
  vi.waitFor = function waitPatiently(condition, options) {
    return waitFor(condition, { ...PATIENCE, ...(typeof options === 'number' ? { timeout: options } : options) });
  };
}
