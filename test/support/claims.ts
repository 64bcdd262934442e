import { butEncryption, type MachineState, type MigrationWorld } from './migration';

/** The machine and its volumes are as they were in all but that the volumes are encrypted, and have other ids. */
export function expectOnlyEncryptionChanged(before: MachineState, after: MachineState): void {
  expect(butEncryption(after)).toEqual(butEncryption(before));
  expect(after.disks.filter(({ encrypted }) => !encrypted)).toEqual([]);
}

/** The machine and its volumes are as they were, and nothing is left of what a migration has made or marked. */
export async function expectUndone(
  migrations: MigrationWorld,
  instanceId: string,
  before: MachineState,
): Promise<void> {
  expect(await migrations.stateOf(instanceId)).toEqual(before);
  expect(await migrations.leftovers(instanceId, before)).toEqual({ made: 0, marked: 0, snapshots: 0 });
}
