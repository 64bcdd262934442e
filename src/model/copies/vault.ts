/** Name of the grants of one copying into a vault. KMS takes letters, digits and `:/_-`. */
export function vaultGrantName(workflowId: string): string {
  return `holdfast/${workflowId}`.replaceAll(/[^a-zA-Z0-9:/_-]/g, '-').slice(0, 256);
}
