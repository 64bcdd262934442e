import { inChunks } from '../../model/group';
import { FILTER_VALUES } from './reads';

/**
 * As many ids as a call's filters take at a time; one group of no ids, for a call without the filter, where none are given.
 *
 * @param others values of the call's other filters: EC2 counts all of them
 */
export function groupsOf(ids: readonly string[], others?: number): string[][];
export function groupsOf(ids: readonly string[] | undefined, others?: number): (string[] | undefined)[];
export function groupsOf(ids: readonly string[] | undefined, others = 0): (string[] | undefined)[] {
  return ids ? inChunks(ids, FILTER_VALUES - others) : [undefined];
}
