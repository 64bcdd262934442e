/** The workflow types that the worker serves. The exported names are the public contract. */
export { enableEncryptionByDefault } from './enableEncryptionByDefault';
