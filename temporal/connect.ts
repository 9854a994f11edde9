import { Client, Connection, isGrpcServiceError, type ConnectionLike } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { temporal } from '@temporalio/proto';
import type { Config } from '../common/config';
import { SEARCH_ATTRIBUTES } from '../common/contracts';
import { dataConverterOf } from './encryption';
import { isTracing } from '../common/traces';
import { traceStarts } from './trace-starts';

export const DEFAULT_ADDRESS = 'localhost:7233';

const GRPC_ALREADY_EXISTS = 6;
const CONNECT_TIMEOUT_MS = 5_000;

/** What both `Connection.connect` (client) and `NativeConnection.connect` (worker) take. */
export type TemporalOptions = ReturnType<typeof loadClientConnectConfig>['connectionOptions'];

/**
 * Address, TLS and credentials: TEMPORAL_* variables and `temporal.toml` as every Temporal tool reads them, then our own
 * configuration over them (its API key may come from a file, which the Temporal tools do not know).
 */
export function connectionOptions(config: Config): TemporalOptions {
  const { connectionOptions: profile } = loadClientConnectConfig();
  const apiKey = config.temporalApiKey ?? profile.apiKey;
  return {
    ...profile,
    address: config.temporalAddress ?? profile.address ?? DEFAULT_ADDRESS,
    // An API key without TLS would travel in the clear.
    ...(apiKey === undefined ? {} : { apiKey, tls: profile.tls ?? true }),
  };
}

/** The namespace: TEMPORAL_NAMESPACE, else the profile's, else `default`. */
export function namespaceOf(config: Config): string {
  if (config.temporalNamespace !== 'default') return config.temporalNamespace;
  return loadClientConnectConfig().namespace ?? config.temporalNamespace;
}

/** Where the user says that Temporal is, by TEMPORAL_ADDRESS or a `temporal.toml` profile; undefined: nowhere. */
export function configuredAddress(config: Config): string | undefined {
  return config.temporalAddress ?? loadClientConnectConfig().connectionOptions.address;
}

/** @throws a `TransportError` or gRPC error when nothing answers within five seconds. */
export function connect(config: Config): Promise<Connection> {
  return Connection.connect({ ...connectionOptions(config), connectTimeout: CONNECT_TIMEOUT_MS });
}

export function createClient(connection: ConnectionLike, config: Config): Client {
  return new Client({
    connection,
    namespace: namespaceOf(config),
    dataConverter: dataConverterOf(config),
    ...(isTracing() && { interceptors: { workflow: [traceStarts] } }),
  });
}

/** Names of ours that the namespace does not have yet. */
export async function missingSearchAttributes(connection: Connection, namespace: string): Promise<string[]> {
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  return SEARCH_ATTRIBUTES.filter((name) => !Object.hasOwn(customAttributes, name));
}

/**
 * Registers our search attributes where they are missing; safe to call at every start, and from several processes at once.
 * Temporal Cloud does not offer this call: there the error says so, and `tcld` registers them.
 */
export async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = await missingSearchAttributes(connection, namespace);
  if (missing.length === 0) return;
  const { INDEXED_VALUE_TYPE_KEYWORD } = temporal.api.enums.v1.IndexedValueType;
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
  } catch (error) {
    if (isGrpcServiceError(error) && (error.code as number) === GRPC_ALREADY_EXISTS) return;
    throw error;
  }
}
