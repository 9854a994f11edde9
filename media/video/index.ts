/** Videos, free of Temporal: probe, plan, then the steps that the plan names. */
export { probeVideo } from './probe';
export { planVideo } from './plan';
export { encodeRung } from './steps/encode-rung';
export { packageHls } from './hls/package';
export { makePoster } from './steps/poster';
export { makeSprite } from './steps/sprite';
export type * from './types';
