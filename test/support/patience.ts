import { vi } from 'vitest';

// A condition may take long on a busy machine; only one that never comes true is a failure.
const PATIENCE = { timeout: 15_000, interval: 20 };
const { waitFor } = vi;
vi.waitFor = (condition, options) =>
  waitFor(condition, { ...PATIENCE, ...(typeof options === 'number' ? { timeout: options } : options) });
