import { S3Client } from '@aws-sdk/client-s3';
import type { PayloadCodec } from '@temporalio/common';
import { instrument, type CallObserver } from '../aws/instrument';
import type { AwsConfig, StoreLocation } from '../config';
import { EncryptedStore } from './encryptedStore';
import { FolderStore } from './folderStore';
import type { ObjectStore } from './objectStore';
import { S3Store } from './s3Store';

/**
 * The client of the stores' buckets, with the worker's own credentials. Writing the same document twice is harmless,
 * so the SDK may retry once; both attempts end before the activity's.
 */
export function storeClient({ region, endpoint }: AwsConfig, observer?: CallObserver): S3Client {
  const client = new S3Client({
    region,
    forcePathStyle: !!endpoint,
    maxAttempts: 2,
    requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
  const target = { accountId: 'the bucket’s account', region };
  return instrument(client, { service: 's3', target, as: 'the worker’s own credentials' }, { observer });
}

/** @param codecs of the data converter: with some, documents are encrypted as payloads are */
export function openStore(
  location: StoreLocation,
  s3: S3Client,
  codecs: readonly PayloadCodec[] = [],
): ObjectStore {
  const store =
    location.kind === 'folder'
      ? new FolderStore(location.path)
      : new S3Store(s3, location.bucket, location.prefix);
  return codecs.length > 0 ? new EncryptedStore(store, codecs) : store;
}
