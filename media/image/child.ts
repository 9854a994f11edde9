/**
 * A process of the image pool: works on one image at a time, so that a decoder's crash, hang or memory takes one image along
 * and nothing else. Started by `pool.ts`.
 */
import { serveTasks } from '../../common/task-reply';
import { lockDown } from './loaders';
import { processImage } from './process';

lockDown();
serveTasks(processImage, 'The image could not be processed because of a fault in Darkroom.');
