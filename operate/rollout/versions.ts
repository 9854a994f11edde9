import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { grpcCode, NOT_FOUND } from '../../temporal/grpc';

const { VersionDrainageStatus, TaskQueueType } = temporal.api.enums.v1;

/** Where new runs go. */
export interface Routing {
  /** Build id; undefined: to workers without a version. */
  current?: string;
  ramping?: string;
}

/** The builds of one worker deployment, as Temporal knows them. */
export class WorkerVersions {
  private readonly service: Client['workflowService'];
  private readonly namespace: string;

  constructor(
    client: Client,
    readonly deploymentName: string,
  ) {
    this.service = client.workflowService;
    this.namespace = client.options.namespace;
  }

  async routing(): Promise<Routing> {
    const { namespace, deploymentName } = this;
    try {
      const { workerDeploymentInfo } = await this.service.describeWorkerDeployment({ namespace, deploymentName });
      const { currentDeploymentVersion, rampingDeploymentVersion } = workerDeploymentInfo?.routingConfig ?? {};
      return {
        current: currentDeploymentVersion?.buildId || undefined,
        ramping: rampingDeploymentVersion?.buildId || undefined,
      };
    } catch (error) {
      if (grpcCode(error) === NOT_FOUND) return {};
      throw error;
    }
  }

  /** Queues of which a worker of the build has asked for tasks, as `name/workflow` and `name/activity`. */
  async queues(buildId: string): Promise<string[]> {
    const info = await this.describe(buildId);
    return (info?.taskQueueInfos ?? []).map(
      ({ name, type }) => `${name}/${type === TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW ? 'workflow' : 'activity'}`,
    );
  }

  /** No open run is pinned to the build; one that the server does not know has none. */
  async isDrained(buildId: string): Promise<boolean> {
    const { current, ramping } = await this.routing();
    if (buildId === current || buildId === ramping) return false;
    const info = await this.describe(buildId);
    if (info === undefined) return true;
    // A build that never got a run has no drainage at all.
    const status = info?.drainageInfo?.status ?? VersionDrainageStatus.VERSION_DRAINAGE_STATUS_UNSPECIFIED;
    return status !== VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING;
  }

  /** Sends this share of new runs (%) to the build, the rest to the current one. An empty build id ends the ramp. */
  async ramp(buildId: string, percentage: number): Promise<void> {
    const { namespace, deploymentName } = this;
    await this.service.setWorkerDeploymentRampingVersion({ namespace, deploymentName, buildId, percentage, identity });
  }

  /** Sends all new runs to the build, and runs that are not pinned with their next workflow task. */
  async makeCurrent(buildId: string): Promise<void> {
    const { namespace, deploymentName } = this;
    await this.service.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId, identity });
  }

  private async describe(buildId: string) {
    const { namespace, deploymentName } = this;
    try {
      const answer = await this.service.describeWorkerDeploymentVersion({
        namespace,
        deploymentVersion: { deploymentName, buildId },
      });
      return answer.workerDeploymentVersionInfo ?? undefined;
    } catch (error) {
      if (grpcCode(error) === NOT_FOUND) return undefined;
      throw error;
    }
  }
}

/** Who changed the routing, as the Web UI shows it. */
const identity = 'darkroom rollout';
