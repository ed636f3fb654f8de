declare const FAIRWAY_VERSION: string;

/** The version of Fairway itself; the bundle carries it. */
export const version = typeof FAIRWAY_VERSION === 'string' ? FAIRWAY_VERSION : '0.0.0-dev';
