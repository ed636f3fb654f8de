import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SettingsError } from './settings.ts';

const history = z.array(
  z.object({ version: z.string(), date: z.iso.date().nullable().default(null), security: z.boolean().default(false) }),
);

/** Reads a release history from a JSON file. Throws `SettingsError`. */
export function readReleaseHistory(file: string): z.output<typeof history> {
  try {
    return history.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const cause = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new SettingsError([`bootstrap.releases: ${file} is not a release history: ${cause}`]);
  }
}
