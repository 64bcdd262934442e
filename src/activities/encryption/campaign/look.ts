import type { Warning } from '../../../model/moves/warnings';
import type { NotChecked } from '../../../model/outcome';

/** What one kind of look has found. */
export interface Look {
  warnings: Map<string, Warning[]>;
  notChecked: NotChecked[];
}
