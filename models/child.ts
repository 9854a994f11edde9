/**
 * The process of one loaded model: `node child.js <model> <settings as JSON>`. It loads the model at its start, decodes each
 * picture itself, and does one task at a time, so that a crash, a hang or an overrun of memory costs one item and one
 * loading. Started by `host.ts`.
 */
import type { Analysis } from '../common/analysis';
import { serveTasks } from '../common/task-reply';
import { lockDown } from '../media/image/loaders';
import { openPicture } from './picture';
import type { Model, ModelTask } from './model';
import { load as loadFaces } from './faces';
import { load as loadText } from './ocr';
import { load as loadSpeech } from './speech';
import type { ModelName, PictureModel } from '../common/models';
import { Runtime, type RuntimeSettings } from './runtime';

type Analyse = (task: ModelTask) => Promise<Analysis>;

/** A model that looks at pictures, which this process decodes. */
function looking<Name extends PictureModel>(load: (runtime: Runtime) => Promise<Model<Name>>) {
  return async (runtime: Runtime): Promise<Analyse> => {
    const model = await load(runtime);
    return (task) => openPicture(task, model);
  };
}

const LOADERS: Record<ModelName, (runtime: Runtime) => Promise<Analyse>> = {
  text: looking(loadText),
  faces: looking(loadFaces),
  speech: async (runtime) => {
    const hear = await loadSpeech(runtime);
    return ({ input }) => hear(input);
  },
};

lockDown();
const [, , name, settings = '{}'] = process.argv;
const loading = Promise.resolve().then(() =>
  LOADERS[name as ModelName](new Runtime(JSON.parse(settings) as RuntimeSettings)),
);
loading.catch(() => undefined);

async function analyse(task: ModelTask | 'load'): Promise<Analysis> {
  const model = await loading;
  if (task === 'load') return {};
  return model(task);
}

serveTasks(analyse, 'The analysis failed because of a fault in Darkroom.');
