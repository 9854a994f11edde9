import type { DataConverter, LoadedDataConverter } from '@temporalio/common';
import { loadDataConverter } from '../sdk-internals';
import type { Config } from '../../common/config';
import { built } from '../../common/paths';
import { EncryptionCodec } from './codec';
import { parsePayloadKeys } from '../../common/config/payload-keys';

/** How values become payloads, for everything that talks to Temporal: clients, workers, replays. */
export function dataConverterOf({ payloadKeys }: Config): DataConverter {
  if (payloadKeys === undefined) return { payloadCodecs: [new EncryptionCodec([])] };
  return {
    payloadCodecs: [new EncryptionCodec(parsePayloadKeys(payloadKeys))],
    failureConverterPath: require.resolve('./failures'),
  };
}

/** The same for who reads what the server answers without a client in between. */
export function loadedConverterOf(config: Config): LoadedDataConverter {
  return loadDataConverter(dataConverterOf(config));
}

/** The prebuilt workflows: how they write failures is part of the bundle. */
export function workflowBundleOf({ payloadKeys }: Config): { codePath: string } {
  return { codePath: built(payloadKeys === undefined ? 'workflow-bundle.js' : 'workflow-bundle-encrypted.js') };
}
