/**
 * What Darkroom uses of the SDK beside its public interface. Any release may move these functions, so only this file
 * imports them.
 */
export {
  decodeOptionalFailureToOptionalError,
  decodeOptionalSinglePayload,
  encodeErrorToFailure,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow';
export { executionInfoFromRaw } from '@temporalio/client/lib/helpers';
