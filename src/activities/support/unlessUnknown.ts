import { isDenied } from './unlessDenied';

/**
 * Undefined where this worker may not ask, because of a permission or of the accounts file: nothing is known then, and that is
 * never fine. What passes is thrown.
 */
export async function unlessUnknown<Result>(ask: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!isDenied(error)) throw error;
    return undefined;
  }
}
