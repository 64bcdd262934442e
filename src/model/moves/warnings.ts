import type { OwnedVolume } from './ownership';
import type { NotChecked } from '../outcome';

/** What may hurt after a migration that goes well: a person takes it, or leaves the machine out. */
export interface Warning {
  /**
   * `starter`: somebody who starts the machine may not use the key. `owner`: infrastructure as code describes it as it
   * was. `mountById`: the guest names a volume by its id. `policy`: a backup policy does.
   */
  kind: 'starter' | 'owner' | 'mountById' | 'policy';
  text: string;
}

/** A machine, or a volume that is attached to nothing, as it is asked about. */
export interface MoveAsked {
  instanceId?: string;
  running: boolean;
  rootDevice?: string;
  /** Those that move. */
  volumes: { volumeId: string; device: string }[];
}

export interface WarningsFound {
  warned: { item: string; warnings: Warning[] }[];
  owned: OwnedVolume[];
  notChecked: NotChecked[];
}

/** What is said of one machine; more of the same kind helps nobody to decide. */
const MOST_A_MACHINE = 12;
const LONGEST_TEXT = 500;
const NAMED = 3;

export function itemAsked({ instanceId, volumes }: MoveAsked): string {
  return instanceId ?? volumes[0]?.volumeId ?? '';
}

/** Within what a page of machines may hold. */
export function boundedWarnings(warnings: readonly Warning[]): Warning[] {
  return warnings.slice(0, MOST_A_MACHINE).map(({ kind, text }) => ({
    kind,
    text: text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text,
  }));
}

export function warningsText(warnings: readonly Warning[]): string {
  return warnings.map(({ text }) => text).join('; ');
}

/** One sentence for each thing that could not be looked at, over all pages. */
export function notCheckedText(found: readonly NotChecked[]): string[] {
  const items = new Map<string, string[]>();
  for (const { what, why, items: more } of found) {
    const key = JSON.stringify([what, why]);
    items.set(key, [...(items.get(key) ?? []), ...more]);
  }
  return [...items].map(([key, of]) => {
    const [what, why] = JSON.parse(key) as [string, string];
    const more = of.length - NAMED;
    const names = of.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
    return `Not checked: ${what}${names && ` of ${names}`}: ${why}`;
  });
}
