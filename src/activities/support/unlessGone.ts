import { isNotFound } from '../../aws/failures';

/**
 * Undefined where what the call is about is gone, by AWS's own word: what was to be deleted or taken back is done then. EC2 says
 * `Unavailable` of an image that was deregistered a while ago.
 */
export async function unlessGone<Result>(call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isNotFound(error) || (error as Error).name === 'InvalidAMIID.Unavailable') return undefined;
    throw error;
  }
}
