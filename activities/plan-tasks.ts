import type { Task } from '../common/tasks';
import * as video from '../media/video';
import type { BranchId, Chunk, ChunkGroup, Costs, VideoPlan } from '../media/video';
import type { VideoWork } from './video';

/**
 * The tasks of a video whose outputs are made by several activities; pure. What is not encoded in chunks is made in groups
 * of outputs that one ffmpeg makes together.
 * @param costs CPU seconds by output
 * @param groupSeconds what one group should cost, CPU seconds
 * @param analyse models that look at the poster
 */
export function planTasks(
  { plan, probe }: VideoWork,
  costs: Costs,
  groupSeconds: number,
  analyse: readonly string[] = [],
): Task[] {
  const tracks = (plan.tracks ?? []).map(({ name }) => `track:${name}`);
  const sounds = [...video.soundBitrates(plan).map((kbps) => `sound:${kbps}`), ...tracks];
  const sound: Task[] =
    sounds.length === 0 ? [] : [{ id: 'sound', activity: 'makeSound', outputs: sounds, after: [], cost: 0 }];
  // Nobody waits for all of the sound before the beginning can be played.
  const head: Task[] = sound
    .filter(() => video.soundHead(plan, probe) !== undefined)
    .map((task) => ({ ...task, id: 'sound head', activity: 'makeSoundHead' }));
  const chunks = (plan.chunks?.groups ?? []).map((group, index) => chunkTasks(group, index, probe.durationSeconds));
  const joins = joinTasks(plan, sound, chunks);
  const whole = new Map([...costs].filter(([branch]) => !video.isCut(plan, branch.replace(/^rung:/, ''))));
  const makes = video.groupBranches(whole, groupSeconds).map(({ branches, cost }) => groupTask(branches, cost, sound));
  const made = [...joins, ...makes].map((task) => task.id);
  const stream: Task[] =
    plan.hls === undefined
      ? []
      : [
          {
            id: 'package',
            activity: 'packageStream',
            outputs: ['hls'],
            // Of a video in chunks the stream is made of these, not of the joined rungs.
            after: [...(tracks.length > 0 || chunks.length > 0 ? [...head, ...sound] : []), ...chunks.flat()]
              .map((task) => task.id)
              .concat(made),
            cost: 0,
          },
        ];
  const analyses = analysisTasks(makes, analyse);
  // Of the sound and the chunks it takes the receipts.
  const after = [...head, ...sound, ...chunks.flat(), ...stream, ...analyses].map((task) => task.id).concat(made);
  const publish: Task = { id: 'publish', activity: 'publishOutputs', outputs: [], after, cost: 0 };
  // The sound and the first chunks come first: with them, the stream can be played.
  return [...inOrder(plan, [...head, ...sound], chunks, makes), ...joins, ...stream, ...analyses, publish];
}

/**
 * Sound, chunks and what else is encoded, in the order in which they are wanted. The server hands tasks that come at once
 * to any free worker, in no order: so where the first rung goes ahead, nothing else waits before its own chunks and the
 * beginning of the sound are done, and what keeps the stream going has a higher priority than the rest.
 */
function inOrder({ chunks }: VideoPlan, sounds: Task[], groups: Task[][], makes: Task[]): Task[] {
  const [ahead = [], ...others] = groups;
  const [first, ...more] = ahead;
  const goesAhead = chunks?.groups[0]?.chunks.at(-1)?.end !== undefined;
  if (!goesAhead || first === undefined) return [...sounds, ...ahead, ...others.flat(), ...makes];
  const isHead = ({ activity }: Task): boolean => activity === 'makeSoundHead';
  const begin = [...sounds.filter(isHead), first];
  const behind =
    (tasks: Task[]) =>
    (task: Task): Task => ({ ...task, after: [...task.after, ...tasks.map(({ id }) => id)] });
  const [next = [], ...last] = others;
  const whole = sounds.filter((task) => !isHead(task));
  const urgent = (task: Task): Task => ({ ...task, first: true });
  return [
    ...begin,
    ...[...more, ...whole].map(behind(begin)).map(urgent),
    ...next.map(behind(ahead)).map(urgent),
    ...[...last.flat(), ...makes].map(behind(ahead)),
  ];
}

/** Each model looks at the poster, once that is in storage. */
function analysisTasks(makes: Task[], models: readonly string[]): Task[] {
  const after = makes.filter(({ outputs }) => outputs.includes('poster')).map((task) => task.id);
  if (after.length === 0) return [];
  return models.map((model) => ({ id: `analyse ${model}`, activity: 'analyse', outputs: [model], after, cost: 0 }));
}

function groupTask(branches: BranchId[], cost: number, sound: Task[]): Task {
  const hasRung = branches.some((branch) => branch.startsWith('rung:'));
  const id = branches.map((branch) => branch.replace(/^rung:/, 'encode ')).join(', ');
  return { id, activity: 'makeOutputs', outputs: branches, after: hasRung ? sound.map((task) => task.id) : [], cost };
}

function chunkTasks({ rungs, chunks, segmentCost }: ChunkGroup, group: number, duration: number): Task[] {
  return chunks.map((chunk, index) => {
    const id = `encode ${rungs.join(', ')} ${rangeName(chunk, chunks[index + 1], duration)}`;
    return {
      id,
      activity: 'makeChunk',
      outputs: [`chunk:${group}:${index}`],
      after: [],
      cost: chunk.segments * segmentCost,
    };
  });
}

/** A rung is joined of the chunks of all groups that it is in. */
function joinTasks({ chunks }: VideoPlan, sound: Task[], tasks: Task[][]): Task[] {
  const groups = chunks?.groups ?? [];
  return [...new Set(groups.flatMap(({ rungs }) => rungs))].map((name) => {
    const own = tasks.filter((_, group) => groups[group]?.rungs.includes(name)).flat();
    const after = [...sound, ...own].map((task) => task.id);
    return { id: `join ${name}`, activity: 'joinRung', outputs: [`rung:${name}`], after, cost: 0 };
  });
}

/** `0:01:00-0:02:00`: where a chunk begins and ends, as people read times. */
export function rangeName({ start, end }: Chunk, next: Chunk | undefined, duration: number): string {
  return `${clock(start)}-${clock(end ?? next?.start ?? Math.max(start, duration))}`;
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}
