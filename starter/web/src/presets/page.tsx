import { useEffect, useState } from 'preact/hooks';
import { listPresets, type BrokenPreset, type Preset } from '../api';
import { parseFieldRows, type FieldRows } from '../lib/preset-fields';
import { usePoll } from '../lib/poll';
import { toPreset, toPresets } from '../lib/route';
import { useTitle } from '../lib/title';
import { BackLink, Empty, Missing, Problem } from '../parts/bits';
import { Icon } from '../parts/icon';
import { Section } from './section';

/** An edited file shows this soon. */
const REFRESH_MS = 3_000;

/** All presets, and those whose file has a mistake. */
export function PresetsPage() {
  useTitle('Presets');
  const { data, error, at } = usePoll('presets', listPresets, REFRESH_MS);
  return (
    <div class="page">
      <h1>Presets</h1>
      <Problem error={error} since={at} />
      {data?.broken.map((preset) => (
        <Mistake key={preset.name} preset={preset} />
      ))}
      {data?.presets.length === 0 && <Empty title="There are no presets" />}
      <ul class="preset-list">
        {data?.presets.map(({ name, kinds, summary }) => (
          <li key={name}>
            <a class="row-link" href={toPreset(name)}>
              {name}
            </a>
            <small>for {kinds.join(', ')}</small>
            <p>{summary}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** One preset: what each of its fields does. */
export function PresetPage({ name }: { name: string }) {
  useTitle(name);
  const { data, error, at } = usePoll('presets', listPresets, REFRESH_MS);
  const rows = useFieldRows();
  const preset = data?.presets.find((each) => each.name === name);
  const broken = data?.broken.find((each) => each.name === name);
  return (
    <div class="page">
      <BackLink to={toPresets}>Presets</BackLink>
      <Problem error={error} since={at} />
      {data && !preset && !broken && <Missing what="preset" name={name} />}
      {(preset ?? broken) && (
        <header class="head">
          <h1>{name}</h1>
          {preset && <p class="facts">{factsOf(preset)}</p>}
        </header>
      )}
      {broken && <Mistake preset={broken} />}
      {preset &&
        preset.kinds.map((kind) => (
          <Section key={kind} path={kind} value={{ ...preset.sections[kind] }} rows={rows ?? new Map()} />
        ))}
    </div>
  );
}

const factsOf = ({ kinds, name }: Preset): string => `for ${kinds.join(', ')}  ·  presets/${name}.yaml`;

/** The server's sentence names the file and the place in it. */
function Mistake({ preset: { name, detail } }: { preset: BrokenPreset }) {
  return (
    <section class="reason" role="status">
      <Icon name="alert" />
      <div>
        <h2>The preset {name} cannot be used</h2>
        <p>{detail}</p>
        <p class="advice">Correct the file; this page reads it again by itself.</p>
      </div>
    </section>
  );
}

/** The rows of docs/presets.md, which only these pages load. Undefined until they have come. */
function useFieldRows(): FieldRows | undefined {
  const [rows, setRows] = useState<FieldRows>();
  useEffect(() => {
    void import('../../../../docs/presets.md?raw').then(({ default: text }) => setRows(parseFieldRows(text)));
  }, []);
  return rows;
}
