import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of package.json, wherever the compiled files are inside of it. */
export function packageFolder(inside: string = __dirname): string {
  return existsSync(join(inside, 'package.json')) ? inside : packageFolder(dirname(inside));
}

export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}
