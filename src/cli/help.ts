import { EXIT } from './refusal';

/** Below the commands in `holdfast --help`. */
export const MORE_HELP = `
Examples:
  holdfast inventory
  holdfast policy plan policies/
  holdfast run runBackup --input '{"policyName": "critical"}' --workflow-id back-up-critical
  holdfast encrypt start --tag tier=critical --key alias/ebs --workflow-id encrypt-critical --detach
  holdfast encrypt commit i-0123456789abcdef0 --by ann --reason 'it runs well'

Exit codes:
  ${EXIT.done}    everything that was asked for happened
  ${EXIT.failed}    not everything did; stdout has what did, where the operation tells it
  ${EXIT.callersFault}    the call can be mended: an option, the input, a file, a setting, a name that there is not
  ${EXIT.notCompliant}    done, and something is not as it should be
  ${EXIT.interrupted}  Ctrl-C stopped the watching; what was started goes on

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and others of the temporal CLI, or temporal.toml: where Temporal is.
    Where nothing says so: the stack of this folder (npm start, npm run stack), else localhost:7233.
  HOLDFAST_DATA_CONVERTER: the module that encrypts payloads, where the worker has one.`;
