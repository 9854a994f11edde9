import { open } from 'node:fs/promises';
import type { SpeechFound } from '../../common/analysis';
import { modelFile, type Feed, type Runtime } from '../runtime';
import { RangeFinder, WINDOW } from './ranges';

/** Samples of the window before that the network sees again. */
const CONTEXT = 64;
const STATE = [2, 1, 128];
/** Windows that are read from the file at once: eight seconds. */
const READ_WINDOWS = 256;

const samplingRate: Feed = { type: 'int64', data: BigInt64Array.from([16_000n]), dims: [] };

/**
 * Silero VAD: when somebody speaks.
 * @returns looks at a file of samples: 16 bits, little-endian, mono, 16 kHz
 */
export async function load(runtime: Runtime): Promise<(file: string) => Promise<{ speech: SpeechFound }>> {
  const run = await runtime.openNetwork(modelFile('speech', 'network'));

  return async (path) => {
    const finder = new RangeFinder();
    const input = new Float32Array(CONTEXT + WINDOW);
    let state: Feed['data'] = new Float32Array(STATE.reduce((product, side) => product * side));
    for await (const samples of windowsOf(path)) {
      input.copyWithin(0, WINDOW);
      for (let at = 0; at < WINDOW; at++) input[CONTEXT + at] = (samples[at] ?? 0) / 32_768;
      const { output, stateN } = await run({
        input: { type: 'float32', data: input, dims: [1, input.length] },
        state: { type: 'float32', data: state, dims: STATE },
        sr: samplingRate,
      });
      if (output === undefined || stateN === undefined) throw new Error('the network has other outputs');
      state = stateN.data;
      finder.add(output.data[0] ?? 0);
    }
    return { speech: finder.found() };
  };
}

/** The windows of a file; what the last one lacks is left out. */
async function* windowsOf(path: string): AsyncGenerator<Int16Array> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(2 * WINDOW * READ_WINDOWS);
    for (let position = 0; ;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const samples = new Int16Array(buffer.buffer, buffer.byteOffset, bytesRead >> 1);
      for (let at = 0; at < samples.length; at += WINDOW) yield samples.subarray(at, at + WINDOW);
    }
  } finally {
    await file.close();
  }
}
