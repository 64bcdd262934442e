import type { Tag } from '@aws-sdk/client-ec2';

export function tagMap(tags: readonly Tag[] | undefined): Record<string, string> {
  // A tag has a key; its value may be empty, which some answers leave out.
  return Object.fromEntries((tags ?? []).flatMap(({ Key, Value = '' }) => (Key ? [[Key, Value]] : [])));
}

export function tagList(tags: Record<string, string>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
