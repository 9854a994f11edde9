import { useState } from 'preact/hooks';
import type { MediaKind } from '../../../../common/kinds';

/** What the next files get. */
export interface Choice {
  preset: string;
  /** Kinds that the preset makes something of; undefined while that is not known. */
  kinds?: readonly MediaKind[];
  /** Empty: the batch of single jobs. */
  batch: string;
}

const KEY = 'darkroom-preset';
const KINDS_KEY = 'darkroom-preset-kinds';
let batch = '';

export function rememberedChoice(): Choice {
  const kinds = sessionStorage.getItem(KINDS_KEY);
  return {
    preset: localStorage.getItem(KEY) ?? 'web',
    kinds: kinds === null ? undefined : (kinds.split(',') as MediaKind[]),
    batch,
  };
}

/** The preset is remembered, since people keep to one; the batch for this visit. */
export function useChoice(): [Choice, (part: Partial<Choice>) => void] {
  const [choice, setChoice] = useState(rememberedChoice);
  return [
    choice,
    (part) => {
      const chosen = { ...choice, ...part };
      localStorage.setItem(KEY, chosen.preset);
      if (chosen.kinds === undefined) sessionStorage.removeItem(KINDS_KEY);
      else sessionStorage.setItem(KINDS_KEY, chosen.kinds.join(','));
      batch = chosen.batch;
      setChoice(chosen);
    },
  ];
}
