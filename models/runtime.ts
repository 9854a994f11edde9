import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { DarkroomError } from '../common/errors';
import { projectRoot } from '../common/paths';
import { MODELS, type ModelName } from '../common/models';

/** The part of `onnxruntime-node` that is used here; the package is not among those of Darkroom itself. */
export interface Tensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** What a network is given. */
export interface Feed {
  readonly type: 'float32' | 'int64';
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}

interface OnnxRuntime {
  Tensor: new (type: Feed['type'], data: Feed['data'], dims: readonly number[]) => Tensor;
  InferenceSession: {
    create(file: string, options: { executionProviders: string[]; intraOpNumThreads: number }): Promise<Session>;
  };
}

/** How models run: `cpu`, or what else the installed runtime has, in order of preference. */
export interface RuntimeSettings {
  providers: string[];
  /** Threads of one inference. */
  threads: number;
}

/** Folder with the packages of models/runtime/package.json. */
function modulesFolder(): string {
  return path.join(projectRoot(), 'models', 'runtime', 'node_modules');
}

/** True where `npm run models` has run here. */
export function hasModels(): boolean {
  return existsSync(path.join(modulesFolder(), 'onnxruntime-node', 'package.json'));
}

/** Path of a file of a model. */
export function modelFile<Name extends ModelName>(model: Name, file: keyof (typeof MODELS)[Name]['files']): string {
  const { package: name, files } = MODELS[model];
  return path.join(modulesFolder(), name, (files as Record<PropertyKey, string>)[file] ?? '');
}

/** Opens networks. */
export class Runtime {
  private readonly onnx: OnnxRuntime;

  /** @throws DarkroomError ModelUnavailable where the packages are not installed */
  constructor(private readonly settings: RuntimeSettings) {
    try {
      this.onnx = createRequire(path.join(modulesFolder(), 'x.js'))('onnxruntime-node') as OnnxRuntime;
    } catch (cause) {
      const details = { message: cause instanceof Error ? cause.message : String(cause) };
      throw new DarkroomError('ModelUnavailable', MISSING, details, { cause });
    }
  }

  /** A network with one input and one output. */
  async open(file: string): Promise<(data: Float32Array, dims: readonly number[]) => Promise<Tensor>> {
    const session = await this.session(file);
    const [input = ''] = session.inputNames;
    const [output = ''] = session.outputNames;
    return async (data, dims) => {
      const results = await session.run({ [input]: new this.onnx.Tensor('float32', data, dims) });
      const result = results[output];
      if (result === undefined) throw new Error(`the network has no output ${output}`);
      return result;
    };
  }

  /** A network with several inputs and outputs, by their names. */
  async openNetwork(file: string): Promise<(feeds: Record<string, Feed>) => Promise<Partial<Record<string, Tensor>>>> {
    const session = await this.session(file);
    const tensor = ({ type, data, dims }: Feed): Tensor => new this.onnx.Tensor(type, data, dims);
    return (feeds) =>
      session.run(Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, tensor(feed)])));
  }

  private session(file: string): Promise<Session> {
    const { providers, threads } = this.settings;
    return this.onnx.InferenceSession.create(file, { executionProviders: providers, intraOpNumThreads: threads });
  }
}

/** Sentence for a worker that is to serve models and has none. */
export const MISSING = 'The models are not installed here; run "npm run models".';
