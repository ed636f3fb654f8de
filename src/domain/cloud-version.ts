/** The two identifiers after `cloud` in `MAJOR.0.0-cloud.YYYYMMDDTHHMMSS.HASH` (RFD 134, Cloud release process). */
export interface CloudStamp {
  /** When the tag was cut. */
  cutAt: Date;
  /** The first 6 to 40 hex digits of the commit. */
  hash: string;
}

const STAMP = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})$/;
const HASH = /^[0-9a-f]{6,40}$/;

/**
 * Reads the pre-release identifiers of a version whose first one is `cloud`.
 * Returns the stamp, or a sentence that says what is wrong.
 */
export function readCloudStamp(version: {
  minor: number;
  patch: number;
  prerelease: readonly (string | number)[];
}): CloudStamp | string {
  const [, time = '', hash = '', ...rest] = version.prerelease.map(String);
  if (version.minor !== 0 || version.patch !== 0) return 'a cloud version has minor and patch 0';
  if (rest.length > 0 || !HASH.test(hash)) return 'a cloud version ends in a commit hash of 6 to 40 hex digits';
  const cutAt = readStampTime(time);
  if (!cutAt) return `"${time}" is not a UTC time of the form YYYYMMDDTHHMMSS`;
  return { cutAt, hash };
}

function readStampTime(text: string): Date | null {
  const parts = STAMP.exec(text)?.slice(1).map(Number);
  if (!parts) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date.UTC turns 31 February into a day in March; only a real time gives the same text again.
  return formatStampTime(time) === text ? time : null;
}

/** The time in UTC, such as `20230712T123633`. */
export function formatStampTime(time: Date): string {
  return time.toISOString().replace(/[-:]|\.\d+Z$/g, '');
}
