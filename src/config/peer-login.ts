import { z } from 'zod';

const file = z.string().min(1).nullable();

/** A bearer token, or a user with a password; the files are read at each request, because they are replaced. */
export const loginShape = {
  tokenFile: file.default(null).describe('file with a bearer token; read at each request'),
  username: z.string().min(1).nullable().default(null).describe('a user, with passwordFile'),
  passwordFile: file.default(null).describe('file with the password; read at each request'),
};

export interface PeerLogin {
  tokenFile: string | null;
  username: string | null;
  passwordFile: string | null;
}

/** What is wrong with the fields of a login together, a sentence each. */
export function loginFaults({ tokenFile, username, passwordFile }: PeerLogin): string[] {
  return [
    ...(tokenFile !== null && username !== null ? ['set tokenFile, or username and passwordFile, not both'] : []),
    ...((username === null) === (passwordFile === null) ? [] : ['set username and passwordFile together']),
  ];
}

const isOrigin = (text: string) => URL.canParse(text) && new URL(text).origin === text;

/** The login of some sources. */
export const sourceLogin = z
  .strictObject({
    origin: z
      .string()
      .refine(isOrigin, 'expected http://host:port or https://host:port, in lower case and without a path')
      .describe('it is sent only to addresses that begin so'),
    ...loginShape,
  })
  .superRefine((login, context) => {
    for (const fault of loginFaults(login)) context.addIssue(fault);
    if (login.tokenFile === null && login.username === null) {
      context.addIssue('set tokenFile, or username and passwordFile');
    }
  });
