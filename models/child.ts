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
import { load as loadText } from './ocr';
import type { ModelName } from '../common/models';
import { Runtime, type RuntimeSettings } from './runtime';

const LOADERS = { text: loadText } satisfies { [Name in ModelName]: (runtime: Runtime) => Promise<Model<Name>> };

lockDown();
const [, , name, settings = '{}'] = process.argv;
const loading = Promise.resolve().then(() =>
  LOADERS[name as ModelName](new Runtime(JSON.parse(settings) as RuntimeSettings)),
);
loading.catch(() => undefined);

async function analyse(task: ModelTask | 'load'): Promise<Analysis> {
  const model = await loading;
  if (task === 'load') return {};
  return openPicture(task, model);
}

serveTasks(analyse, 'The analysis failed because of a fault in Darkroom.');
