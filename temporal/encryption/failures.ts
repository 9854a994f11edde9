import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Puts sentence and stack of a failure into a payload, which the codec encrypts. Found by Temporal by this name, in the
 * worker and in dist/workflow-bundle-encrypted.js; reads failures of both kinds.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
