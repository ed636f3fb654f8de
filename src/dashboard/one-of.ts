/** A part of a route that is one of these words: `{(?:pin|unpin)}`. Without the brackets, a part of one would do. */
export const oneOf = (words: readonly string[]): string => `{(?:${words.join('|')})}`;
