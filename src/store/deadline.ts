import { FairwayError } from '../domain/errors.ts';

/**
 * The result of `work`, or `store_unavailable` when that takes longer than `deadline` milliseconds. `work` can ask
 * whether its time is up, and had better not begin anything then.
 */
export async function withDeadline<T>(work: (expired: () => boolean) => Promise<T>, deadline: number): Promise<T> {
  let isExpired = false;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      isExpired = true;
      const message = `the store gave no answer within ${deadline} ms; if this was a change, look whether it was made`;
      reject(new FairwayError('store_unavailable', `${message} before you try again`));
    }, deadline);
  });
  return Promise.race([work(() => isExpired), expiry]).finally(() => clearTimeout(timer));
}
