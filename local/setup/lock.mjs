import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATE } from './paths.mjs';
import { say } from './say.mjs';

const FILE = join(STATE, 'setup.lock');

/** Two set-ups at the same time would install over each other; the second one waits for the first. */
export async function locked(work) {
  mkdirSync(STATE, { recursive: true });
  for (let told = false; !(await take()); told = true) {
    if (!told) say('Another set-up is under way; waiting for it …');
    await sleep(500);
  }
  const release = () => {
    if (holder() === process.pid) rmSync(FILE, { force: true });
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

async function take() {
  try {
    writeFileSync(FILE, String(process.pid), { flag: 'wx' });
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!isAlive(holder())) rmSync(FILE, { force: true });
    return false;
  }
  // Another process may have judged the same dead holder and removed our file for its; the last one to write holds it.
  await sleep(20);
  return holder() === process.pid;
}

function holder() {
  try {
    return Number(readFileSync(FILE, 'utf8'));
  } catch {
    return 0;
  }
}

function isAlive(pid) {
  if (!pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
