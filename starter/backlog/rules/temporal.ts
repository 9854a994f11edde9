import type { Rule } from '../types';

/** The server itself. */
export const temporalRules: Rule[] = [
  ({ temporal: { error, address, embedded } }) => {
    // Without TEMPORAL_ADDRESS the commands bring a server along; that none runs now is how it should be.
    if (error === undefined || embedded) return [];
    return [
      {
        cause: 'temporal-away',
        evidence: [`${address} does not answer: ${error}`],
        mend: [
          `temporal operator cluster health --address ${address}`,
          'Start the server, or correct TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE',
        ],
      },
    ];
  },
  ({ temporal: { latencyMs = 0, address } }, { slowTemporalMs }) => {
    if (latencyMs < slowTemporalMs) return [];
    return [
      {
        cause: 'temporal-slow',
        evidence: [
          `a small request to ${address} takes ${Math.round(latencyMs)} ms (median; over ${slowTemporalMs} is slow)`,
        ],
        mend: [
          `temporal operator cluster health --address ${address}`,
          "Look at the server's CPU, its database and the network between; more workers make it worse",
        ],
      },
    ];
  },
];
