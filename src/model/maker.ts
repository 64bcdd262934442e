import { TAG, TAG_SCHEMA_VERSION } from './names';

/** The run that makes something, and who asked for it. */
export interface Maker {
  workflowId: string;
  /** First execution run id: stays the same when the workflow continues as new or is reset. */
  runId: string;
  requestedBy?: string;
  ticket?: string;
}

/** Tags of everything that a run makes for one request. */
export function makerTags(
  { workflowId, runId, requestedBy, ticket }: Maker,
  request: string,
): Record<string, string> {
  return {
    [TAG.schema]: TAG_SCHEMA_VERSION,
    [TAG.request]: request,
    [TAG.workflow]: tagValue(workflowId),
    [TAG.run]: runId,
    ...(requestedBy && { [TAG.requestedBy]: tagValue(requestedBy) }),
    ...(ticket && { [TAG.ticket]: tagValue(ticket) }),
  };
}

/** Text that every AWS service takes as a tag's value: KMS refuses what EC2 takes. */
function tagValue(text: string): string {
  return text.replace(/[^\p{L}\p{N} _.:/=+\-@]/gu, '_').slice(0, 256);
}
