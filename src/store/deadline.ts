import { FairwayError } from '../domain/errors.ts';

/**
 * Returns the result of `work`. Rejects with `store_unavailable` after `deadline` milliseconds. `work` can ask whether
 * the time is up, and should not begin anything then.
 */
export async function withDeadline<T>(work: (expired: () => boolean) => Promise<T>, deadline: number): Promise<T> {
  let isExpired = false;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    const expire = () => {
      isExpired = true;
      const message = `the store gave no answer within ${deadline} ms; if this was a change, check whether it was made`;
      reject(new FairwayError('store_unavailable', `${message} before you try again`));
    };
    // Where it was this process that was busy, the answer has come and is read first.
    timer = setTimeout(() => setImmediate(expire), deadline);
  });
  return Promise.race([work(() => isExpired), expiry]).finally(() => clearTimeout(timer));
}
