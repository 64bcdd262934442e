/** What is snapshotted in one call: an instance with its volumes, or one volume by itself. */
export interface BackupUnit {
  kind: 'instance' | 'volume';
  resourceId: string;
  volumeIds: string[];
}
