import type { S3Client } from '@aws-sdk/client-s3';
import type { StoreLocation } from '../config';
import { FolderStore } from './folderStore';
import type { ObjectStore } from './objectStore';
import { S3Store } from './s3Store';

export function openStore(location: StoreLocation, s3: () => S3Client): ObjectStore {
  return location.kind === 'folder'
    ? new FolderStore(location.path)
    : new S3Store(s3(), location.bucket, location.prefix);
}
