import { useState } from 'preact/hooks';

const KEY = 'darkroom-preset';

export function rememberedPreset(): string {
  return localStorage.getItem(KEY) ?? 'web';
}

/** The preset that the next files get; remembered, since people keep to one. */
export function usePreset(): [string, (name: string) => void] {
  const [name, setName] = useState(rememberedPreset);
  return [
    name,
    (chosen) => {
      localStorage.setItem(KEY, chosen);
      setName(chosen);
    },
  ];
}
