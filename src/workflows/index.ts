/** The workflow types that the worker serves. The exported names are the public contract. */
export { createCustomerManagedKey } from './createCustomerManagedKey';
export { enableEncryptionByDefault } from './enableEncryptionByDefault';
