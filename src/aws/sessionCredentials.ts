/** What the SDK's clients take as credentials. */
export interface RoleCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

/** Refreshed this long before they expire: the SDK's own clients ask again five minutes before. */
const REFRESH_BEFORE_MS = 6 * 60_000;

/**
 * One role's session, shared by all clients that act as this role: asked for once, refreshed before it expires. A
 * refusal is not remembered.
 */
export function sessionCredentials(
  assume: () => Promise<RoleCredentials>,
  now: () => number = Date.now,
): () => Promise<RoleCredentials> {
  let session: Promise<RoleCredentials> | undefined;
  let freshUntil = 0;
  const renew = async () => {
    const credentials = await assume();
    freshUntil = credentials.expiration
      ? credentials.expiration.getTime() - REFRESH_BEFORE_MS
      : Number.POSITIVE_INFINITY;
    return credentials;
  };
  return () => {
    if (!session || now() >= freshUntil) {
      freshUntil = Number.POSITIVE_INFINITY;
      session = renew().catch((error: unknown) => {
        session = undefined;
        throw error;
      });
    }
    return session;
  };
}
