import type { Activities } from '../../src/activities';
export type Part = 'keeping' | 'moving' | 'serving';
export const REACHED: Partial<Record<keyof Activities, Part | { never: string }>> = {};
