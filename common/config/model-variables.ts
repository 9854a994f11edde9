import { duration, integer, list, size } from './parse';
import { variable } from './variable';

/** Of workers that serve the pool `models`. */
export const MODEL_VARIABLES = {
  modelMemory: variable(
    'DARKROOM_MODEL_MEMORY',
    size,
    '0',
    'memory of all models that a worker holds, together, e.g. 4GiB; 0: what other pools leave, 8GiB at most',
  ),
  modelSlots: variable('DARKROOM_MODEL_SLOTS', integer(1, 64), '1', 'inferences at once in this worker'),
  modelThreads: variable(
    'DARKROOM_MODEL_THREADS',
    integer(0, 64),
    '0',
    'threads of one inference; 0: cores divided by model slots, at least 1',
  ),
  modelProviders: variable(
    'DARKROOM_MODEL_PROVIDERS',
    list,
    'cpu',
    "execution providers of ONNX Runtime in order of preference, e.g. cuda,cpu; what the installed runtime lacks ends a model's loading",
  ),
  modelPinned: variable(
    'DARKROOM_MODEL_PINNED',
    list,
    '',
    'models that stay in memory once they are loaded, e.g. text',
  ),
  modelTimeout: variable(
    'DARKROOM_MODEL_TIMEOUT',
    duration,
    '2m',
    'wall time of one analysis in the process of its model',
  ),
};
