/** The process of a stand-in for a model: waits as long as a real one would load and think, and takes no core for it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Analysis } from '../../common/analysis';
import { serveTasks } from '../../common/task-reply';
import type { ModelTask } from '../../models/model';
import { INFERENCE_MS, LOAD_MS } from './figures';

serveTasks(async (task: ModelTask | 'load'): Promise<Analysis> => {
  await sleep(task === 'load' ? LOAD_MS : INFERENCE_MS);
  return {};
}, 'The stand-in failed.');
