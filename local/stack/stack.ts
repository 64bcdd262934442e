import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Connection } from '@temporalio/client';
import { seed, type SeededFleet } from '../seed/seed';
import { ACCOUNTS, accountsYaml } from './accounts';
import { LocalAccounts } from './awsAccounts';
import { envFilePath, removeEnvFile, writeEnvFile } from './envFile';
import { becomeEnvironment, stackVariables, withoutForeign } from './environment';
import { startLocalAws, USUAL_AWS_PORT } from './localAws';
import { LOGS, PROGRAMS, STATE } from './paths';
import { freePort, type Port } from './ports';
import type { Problem } from './problem';
import { Supervisor, type ManagedProcess } from './processes';
import { claimFolder, removeStackFile, stackFilePath, writeStackFile, type StackFile } from './stackFile';
import { findTemporalCli } from './temporalCli';
import { NAMESPACE, startTemporal, USUAL_TEMPORAL_PORT, USUAL_UI_PORT } from './temporalServer';
import { startWorker } from './worker';

/** The worker gets the least of it: nobody waits for what it still does when the stack goes. */
const STOP_GRACE_MS = 3_000;

type Say = (line: string) => void;

/** Temporal, the local AWS, a worker and a seeded fleet, up and found through stack.json. */
export class Stack {
  private constructor(
    readonly file: StackFile,
    readonly accounts: LocalAccounts,
    readonly fleet: SeededFleet,
    private readonly supervisor: Supervisor,
    private readonly variables: Record<string, string>,
    private worker: ManagedProcess,
  ) {}

  /** Starts it all; `onSupervisor` gets what ends the processes, before the first one starts. */
  static async start(say: Say, onSupervisor: (stop: () => Promise<void>) => void): Promise<Stack> {
    const temporalCli = findTemporalCli(process.env);
    mkdirSync(STATE, { recursive: true });
    const release = claimFolder(STATE);
    for (const old of [LOGS, path.join(STATE, 'manifests'), path.join(STATE, 'evidence')]) {
      rmSync(old, { recursive: true, force: true });
    }
    const supervisor = new Supervisor(LOGS, [stackFilePath(STATE), envFilePath(STATE)]);
    onSupervisor(async () => {
      await supervisor.stopAll(STOP_GRACE_MS);
      removeStackFile(STATE);
      removeEnvFile(STATE);
      release();
    });
    const ports = await choosePorts(say);
    const file = {
      temporalAddress: `127.0.0.1:${ports.temporal.port}`,
      namespace: NAMESPACE,
      uiUrl: `http://127.0.0.1:${ports.ui.port}`,
      awsEndpoint: `http://127.0.0.1:${ports.aws.port}`,
      temporalCli,
      accounts: ACCOUNTS,
    };
    const own = stackVariables(file, STATE);
    const variables = { ...withoutForeign(process.env), ...own };
    becomeEnvironment(variables);
    writeFileSync(path.join(STATE, 'accounts.yaml'), accountsYaml());

    say('Starting Temporal and the local AWS …');
    const temporal = { cli: temporalCli, port: ports.temporal, uiPort: ports.ui, state: STATE };
    const accounts = new LocalAccounts(file.awsEndpoint);
    const [{ worker, fleet }] = await Promise.all([
      Promise.all([startTemporal(supervisor, temporal), startLocalAws(supervisor, ports.aws)]).then(
        ([connection]) => workerAndFleet(supervisor, variables, accounts, connection),
      ),
    ]);
    const stack = new Stack(
      { ...file, workerPid: worker.pid },
      accounts,
      fleet,
      supervisor,
      variables,
      worker,
    );
    writeStackFile(STATE, stack.file);
    writeEnvFile(STATE, { variables: own, commands: commandsFor(temporalCli) });
    return stack;
  }

  /** Resolves when something of the stack ends that should not. */
  failure(): Promise<Problem> {
    return this.supervisor.failure();
  }

  /** SIGKILL, as a crashed host would do to it. */
  async killWorker(): Promise<number> {
    const { pid } = this.worker;
    await this.worker.kill();
    return pid;
  }

  async restartWorker(): Promise<number> {
    this.worker = await startWorker(this.supervisor, this.variables, STATE);
    this.file.workerPid = this.worker.pid;
    writeStackFile(STATE, this.file);
    return this.worker.pid;
  }
}

function commandsFor(temporalCli: string) {
  const cli = path.join(PROGRAMS, 'src/cli/holdfast.js');
  return { temporal: [temporalCli], holdfast: [process.execPath, cli] } as const;
}

async function workerAndFleet(
  supervisor: Supervisor,
  variables: Record<string, string>,
  accounts: LocalAccounts,
  connection: Connection,
): Promise<{ worker: ManagedProcess; fleet: SeededFleet }> {
  const [worker, fleet] = await Promise.all([startWorker(supervisor, variables, STATE), seed(accounts)]);
  await connection.close();
  return { worker, fleet };
}

async function choosePorts(say: Say): Promise<{ temporal: Port; ui: Port; aws: Port }> {
  const temporal = await freePort(USUAL_TEMPORAL_PORT);
  const ui = await freePort(USUAL_UI_PORT, [temporal.port]);
  const aws = await freePort(USUAL_AWS_PORT, [temporal.port, ui.port]);
  const told = { Temporal: temporal, 'the Web UI': ui, 'the local AWS': aws };
  for (const [what, { port, insteadOf }] of Object.entries(told)) {
    if (insteadOf) say(`Port ${insteadOf} is taken: ${what} takes ${port}.`);
  }
  return { temporal, ui, aws };
}
