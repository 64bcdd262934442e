import type { Holdfast } from '../client';

/** Of `--detach`, after what it does. */
export const DETACHED =
  'prints the workflow id and the commands that tell how it goes, and ends with 0 however that ends';

/** The Web UI's own address is no setting of ours; paths are the same in all of them. */
export function whereToLook(
  { temporal }: Holdfast,
  workflowId: string,
  command: 'progress' | 'encrypt status',
) {
  const { namespace } = temporal.options;
  return {
    workflowId,
    webUi: `/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`,
    status: `holdfast ${command} ${workflowId}`,
    result: `temporal workflow result --workflow-id ${workflowId}`,
  };
}
