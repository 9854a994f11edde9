import type { DashboardSpec } from './panel';

/** Budget left and burn, for every objective of slo.yaml. */
export const SLO: DashboardSpec = {
  uid: 'darkroom-slo',
  title: 'Darkroom objectives',
  description: 'What is left of each error budget, and how fast it burns. Objectives without events show nothing.',
  rows: {
    Budget: [
      {
        title: 'Budget left of 30 days',
        unit: 'percentunit',
        bad: 'Below zero: the objective is broken; stop what is risky until it recovers.',
        runbook: 'BudgetBurnsSlowly',
        queries: { '{{slo}}': 'slo:budget_left:ratio30d' },
      },
      {
        title: 'Events judged in an hour',
        unit: 'short',
        bad: 'Too few to judge: below the objective’s `events` no alert fires.',
        runbook: 'BudgetBurnsSlowly',
        queries: { '{{slo}}': 'slo:events:increase1h' },
      },
    ],
    Burn: [
      {
        title: 'Share of bad events, 1 h',
        unit: 'percentunit',
        bad: 'Above 14.4 times the budget it pages.',
        runbook: 'BudgetBurnsFast',
        queries: { '{{slo}}': 'slo:error_ratio:increase1h' },
      },
      {
        title: 'Share of bad events, 6 h',
        unit: 'percentunit',
        bad: 'Above 6 times the budget it pages, above the budget for three days it is a ticket.',
        runbook: 'BudgetBurnsSlowly',
        queries: { '{{slo}}': 'slo:error_ratio:increase6h' },
      },
    ],
  },
};
