/** What the parser of commands says, and how Fairway says it: what is wrong, and what to write. */
const SENTENCES: readonly [RegExp, (...parts: string[]) => string][] = [
  [/^missing required argument '(.+)'$/, (name) => `${name.toUpperCase()} is missing`],
  [/^required option '.*?(--[\w-]+).*' not specified$/, (option) => `${option} is missing`],
  [/^option '.*?(--[\w-]+) ?<?(.*?)>?' argument missing$/, (option, value) => `${option} needs a ${value || 'value'}`],
  [
    /^option '.*?(--[\w-]+).*' argument '(.*)' is invalid\. Allowed choices are (.*)\.$/s,
    (option, value, choices) => `${option}: "${value}" is not a choice; write one of ${choices}`,
  ],
  [
    /^option '.*?(--[\w-]+).*' argument '(.*)' is invalid\. It must be (.*)\.$/s,
    (option, value, what) => `${option}: "${value}" is not valid; write ${what}`,
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '(.+)'\. Allowed choices are (.*)\.$/s,
    (value, name, choices) => `${name.toUpperCase()}: "${value}" is not a choice; write one of ${choices}`,
  ],
  [/^unknown command '(.*)'$/s, (name) => `there is no command ${name}`],
  [/^unknown option '(.*)'$/s, (name) => `there is no option ${name}`],
  [
    /^too many arguments(?: for '.*')?\. Expected (\d+) arguments? but got (\d+)\.$/,
    (most, got) => `${got} arguments are too many; write ${most === '0' ? 'none' : most}`,
  ],
];

/** An error of the parser in the voice of all others; one that is not known stays as it is. A suggestion is kept. */
export function describeUsage(text: string): string {
  const [, said = '', suggestion = ''] = /^error: (.*?)(\n\(Did you mean .*)?$/s.exec(text.trimEnd()) ?? [];
  if (said === '') return text;
  const [sentence] = SENTENCES.flatMap(([pattern, say]) => {
    const parts = pattern.exec(said);
    return parts ? [say(...parts.slice(1))] : [];
  });
  return `fairway: ${sentence ?? said}${suggestion}\n`;
}
