import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../stack/paths';
import { REFERENCE, referencePages } from './pages';

/** `npm run reference` */
const folder = path.join(ROOT, REFERENCE);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const [name, text] of referencePages()) writeFileSync(path.join(folder, name), text);
