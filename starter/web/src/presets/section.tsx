import type { FieldRow, FieldRows } from '../lib/preset-fields';
import { valueText } from '../lib/preset-fields';

type Fields = Record<string, unknown>;

const isSection = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown): value is Fields[] => Array.isArray(value) && value.every(isSection);

/** One section of a preset: each field that it sets, and what the field does; sections inside of it follow. */
export function Section({ path, value, rows }: { path: string; value: Fields; rows: FieldRows }) {
  const entries = Object.entries(value);
  const own = entries.filter(([, each]) => !isSection(each) && !isList(each));
  return (
    <>
      <section aria-label={path}>
        <h2>{path}</h2>
        <FieldTable path={path} fields={own} rows={rows} />
      </section>
      {entries.map(([name, each]) => {
        const inside = `${path}.${name}`;
        if (isSection(each)) return <Section key={name} path={inside} value={each} rows={rows} />;
        return isList(each) ? <List key={name} path={inside} entries={each} rows={rows} /> : null;
      })}
    </>
  );
}

function FieldTable({ path, fields, rows }: { path: string; fields: [string, unknown][]; rows: FieldRows }) {
  if (fields.length === 0) return null;
  return (
    <div class="table-frame">
      <table class="table preset-fields">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Value</th>
            <th scope="col">What it does</th>
          </tr>
        </thead>
        <tbody>
          {fields.map(([name, value]) => (
            <tr key={name}>
              <FieldName name={name} row={rows.get(path)?.get(name)} />
              <td>{valueText(value)}</td>
              <td>
                <Meaning row={rows.get(path)?.get(name)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Entries of the same shape, such as renditions: each in a line, and their fields explained once. */
function List({ path, entries, rows }: { path: string; entries: Fields[]; rows: FieldRows }) {
  const known = rows.get(`${path}[]`);
  const used = [...new Set(entries.flatMap(Object.keys))];
  return (
    <section aria-label={path}>
      <h2>{path}</h2>
      <ul class="preset-entries">
        {entries.map((entry) => (
          <li key={String(entry['name'])}>
            <strong>{String(entry['name'])}</strong>
            {Object.entries(entry)
              .filter(([name]) => name !== 'name')
              .map(([name, value]) => (
                <span key={name}>
                  {name} <code>{valueText(value)}</code>
                </span>
              ))}
          </li>
        ))}
      </ul>
      <div class="table-frame">
        <table class="table preset-fields">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">What it does</th>
            </tr>
          </thead>
          <tbody>
            {used.map((name) => (
              <tr key={name}>
                <FieldName name={name} row={known?.get(name)} />
                <td>
                  <Meaning row={known?.get(name)} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function FieldName({ name, row }: { name: string; row: FieldRow | undefined }) {
  return (
    <th scope="row">
      <code>{name}</code>
      {row?.unit !== undefined && <small>{row.unit}</small>}
    </th>
  );
}

/** Text with parts between backquotes. */
function Meaning({ row }: { row: FieldRow | undefined }) {
  const parts = (row?.meaning ?? '—').split('`');
  return <>{parts.map((part, at) => (at % 2 === 0 ? part : <code key={at}>{part}</code>))}</>;
}
