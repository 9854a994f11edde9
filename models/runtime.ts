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

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}

interface OnnxRuntime {
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor;
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

/** Opens networks, and runs each with one input and one output. */
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

  async open(file: string): Promise<(data: Float32Array, dims: readonly number[]) => Promise<Tensor>> {
    const { providers, threads } = this.settings;
    const session = await this.onnx.InferenceSession.create(file, {
      executionProviders: providers,
      intraOpNumThreads: threads,
    });
    const [input = ''] = session.inputNames;
    const [output = ''] = session.outputNames;
    return async (data, dims) => {
      const results = await session.run({ [input]: new this.onnx.Tensor('float32', data, dims) });
      const result = results[output];
      if (result === undefined) throw new Error(`the network has no output ${output}`);
      return result;
    };
  }
}

/** Sentence for a worker that is to serve models and has none. */
export const MISSING = 'The models are not installed here; run "npm run models".';
