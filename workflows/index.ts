/** What the workflow bundle contains. */
export { processImage } from './process-image';
export { processVideo } from './process-video';
export { processAudio } from './process-audio';
export { notify } from './webhook';
export { notifyBatch } from './batch-webhook';
export { changeBatch } from './change-batch';
export { maintenance, scheduledMaintenance } from './maintenance';
export { reprocess, settleCampaign } from './campaign';
export { deletion } from './deletion';
