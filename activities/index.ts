import type { ChangeInput } from '../common/batch-change';
import type { Findings } from '../common/analysis';
import type { CampaignPair, OldItem, Settlement } from '../common/campaign';
import type { Placeholder, Rendition, WorkItem } from '../common/contracts';
import type { BatchWatch, WebhookCall } from '../common/webhooks';
import type { DeletionInput } from '../common/deletion';
import type { ErrorDetails } from '../common/errors';
import type { DeadLetters, MaintenanceStep } from '../common/maintenance';
import type { GrowthInput, TaskInput } from '../common/tasks';
import { makeAudio } from './audio';
import { analyse, type AnalysisInput } from './analyse';
import { findModel, type Miss } from './find-model';
import type { ModelName } from '../common/models';
import { awaitBatch } from './batch';
import { changeItems } from './change-items';
import { joinRung, makeChunk } from './chunks';
import { adoptOutputs, settleOutputs } from './campaign/adopt';
import { compareOutputs } from './campaign/compare';
import { campaignItems, campaignPairs, type CampaignScope } from './campaign/items';
import type { ActivityDeps } from './deps';
import { makeImage } from './image';
import { maintain } from './maintenance';
import { deleteItems } from './maintenance/delete-items';
import { makeVideo } from './make-video';
import { packageHls } from './package';
import { quarantine } from './quarantine';
import type { ActivityName } from './registry';
import { removeOutputs } from './remove-outputs';
import { growStream } from './grow-stream';
import { encodeRung, makePoster, makeSprite, probeVideo, publishVideo, type VideoWork } from './video';
import { makeOutputs, makeSound, makeSoundHead, packageStream, publishOutputs } from './video-tasks';
import { deliverWebhook } from './webhook';

export type { ActivityDeps } from './deps';

/** The functions of the activity table, bound to what they work with. */
export function createActivities(deps: ActivityDeps) {
  return {
    makeImage: (item: WorkItem, findings?: Findings) => makeImage(deps, item, findings),
    findModel: (model: ModelName, missed?: Miss) => findModel(deps, model, missed),
    analyse: (item: WorkItem, input: AnalysisInput) => analyse(deps, item, input),
    makeAudio: (item: WorkItem, findings?: Findings) => makeAudio(deps, item, findings),
    makeVideo: (item: WorkItem) => makeVideo(deps, item),
    makeSound: (item: WorkItem, input: TaskInput) => makeSound(deps, item, input),
    makeSoundHead: (item: WorkItem, input: TaskInput) => makeSoundHead(deps, item, input),
    makeOutputs: (item: WorkItem, input: TaskInput) => makeOutputs(deps, item, input),
    makeChunk: (item: WorkItem, input: TaskInput) => makeChunk(deps, item, input),
    growStream: (item: WorkItem, input: GrowthInput) => growStream(deps, item, input),
    joinRung: (item: WorkItem, input: TaskInput) => joinRung(deps, item, input),
    packageStream: (item: WorkItem, input: TaskInput) => packageStream(deps, item, input),
    publishOutputs: (item: WorkItem, input: TaskInput) => publishOutputs(deps, item, input),
    probeVideo: (item: WorkItem) => probeVideo(deps, item),
    encodeRung: (item: WorkItem, work: VideoWork, rung: string) => encodeRung(deps, item, work, rung),
    makePoster: (item: WorkItem, work: VideoWork) => makePoster(deps, item, work),
    makeSprite: (item: WorkItem, work: VideoWork) => makeSprite(deps, item, work),
    packageHls: (item: WorkItem, work: VideoWork, rungs: Rendition[]) => packageHls(deps, item, work, rungs),
    publishVideo: (item: WorkItem, work: VideoWork, renditions: Rendition[], placeholder?: Placeholder) =>
      publishVideo(deps, item, work, renditions, placeholder),
    quarantine: (item: WorkItem, evidence: ErrorDetails) => quarantine(deps, item, evidence),
    removeOutputs: (item: WorkItem) => removeOutputs(deps, item),
    deliverWebhook: (call: WebhookCall) => deliverWebhook(deps, call),
    awaitBatch: (watch: BatchWatch) => awaitBatch(deps, watch),
    campaignItems: (campaign: CampaignScope, most: number, cursor?: string) =>
      campaignItems(deps, campaign, most, cursor),
    campaignPairs: (id: string, cursor?: string) => campaignPairs(deps, id, cursor),
    adoptOutputs: (id: string, item: WorkItem, old: OldItem) => adoptOutputs(deps, id, item, old),
    settleOutputs: (id: string, pairs: CampaignPair[], how: Settlement) => settleOutputs(deps, id, pairs, how),
    compareOutputs: (item: WorkItem, old: string) => compareOutputs(deps, item, old),
    deleteItems: (input: DeletionInput) => deleteItems(deps, input),
    changeItems: (input: ChangeInput) => changeItems(deps, input),
    maintain: (step: MaintenanceStep, cleanup: boolean, deadLetters?: DeadLetters) =>
      maintain(deps, step, cleanup, deadLetters),
  } satisfies Record<ActivityName, unknown>;
}

export type Activities = ReturnType<typeof createActivities>;
