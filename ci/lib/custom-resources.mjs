/**
 * Checks rendered custom resources against the definitions of those who serve them, which come with their Go modules:
 *
 *   node ci/lib/custom-resources.mjs CHECK_JSONSCHEMA RENDERED.yaml…
 *
 * A field that a definition does not have is refused, as by `kubectl apply --validate=strict`. Without Go, or where a
 * module cannot be had, it says so and checks the rest.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const SOURCES = [
  { group: 'keda.sh', module: 'github.com/kedacore/keda/v2@v2.21.0', folder: 'config/crd/bases' },
  {
    group: 'monitoring.coreos.com',
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    folder: 'example/prometheus-operator-crd',
  },
  {
    group: 'external-secrets.io',
    module: 'github.com/external-secrets/external-secrets@v1.3.2',
    folder: 'config/crds/bases',
  },
];

const [checker, ...files] = process.argv.slice(2);
const resources = files
  .flatMap((file) => parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS()))
  .filter((manifest) => SOURCES.some(({ group }) => manifest?.apiVersion.startsWith(`${group}/`)));

const work = mkdtempSync(path.join(os.tmpdir(), 'darkroom-crds-'));
try {
  for (const source of SOURCES) check(source);
} finally {
  rmSync(work, { recursive: true, force: true });
}

function check({ group, module, folder }) {
  const own = resources.filter(({ apiVersion }) => apiVersion.startsWith(`${group}/`));
  if (own.length === 0) return;
  const place = download(module);
  if (place === undefined) {
    console.error(`SKIPPED: ${own.length} resources of ${group}, since Go does not bring ${module} here`);
    return;
  }
  const schemas = definitions(path.join(place, folder));
  for (const kind of new Set(own.map(({ apiVersion, kind: name }) => `${apiVersion}/${name}`))) {
    const schema = schemas.get(kind);
    if (schema === undefined) throw new Error(`${module} has no ${kind}`);
    const instances = own.filter((manifest) => `${manifest.apiVersion}/${manifest.kind}` === kind);
    validate(kind, schema, instances);
  }
}

/** Folder of a module in Go's own cache, which checks its sum; undefined where it cannot be had. */
function download(module) {
  const { status, stdout } = spawnSync('go', ['mod', 'download', '-json', module], { cwd: work, encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout).Dir : undefined;
}

/** `group/version/Kind` → JSON schema. */
function definitions(folder) {
  const all = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  return new Map(
    all.flatMap((name) => {
      const { spec } = parse(readFileSync(path.join(folder, name), 'utf8'));
      return (spec?.versions ?? []).map((version) => [
        `${spec.group}/${version.name}/${spec.names.kind}`,
        strict(version.schema.openAPIV3Schema),
      ]);
    }),
  );
}

/** An object with named fields has no others, unless its definition keeps unknown ones. */
function strict(schema) {
  if (Array.isArray(schema)) return schema.map(strict);
  if (schema === null || typeof schema !== 'object') return schema;
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties !== undefined;
  // Go's own way to say "in any case", which other regular expressions do not know.
  if (typeof schema.pattern === 'string' && schema.pattern.includes('(?i)')) delete copy.pattern;
  // A field that is itself called "properties" holds no type.
  if (schema.type === 'object' && schema.properties !== undefined && !open) copy.additionalProperties = false;
  return copy;
}

function validate(kind, schema, instances) {
  const schemaFile = path.join(work, 'schema.json');
  // What every object may have; the definitions leave it to the API server.
  const complete = { ...schema, properties: { ...schema.properties, metadata: { type: 'object' } } };
  writeFileSync(schemaFile, JSON.stringify(complete));
  const paths = instances.map((manifest, index) => {
    const file = path.join(work, `${manifest.kind}-${manifest.metadata.name}-${index}.json`);
    writeFileSync(file, JSON.stringify(manifest));
    return file;
  });
  const args = ['--schemafile', schemaFile, '--disable-formats', '*', ...paths];
  const { status, stdout, stderr } = spawnSync(checker, args, { encoding: 'utf8' });
  if (status !== 0) {
    console.error(`${kind} is not what its definition says:\n${stdout}${stderr}`);
    process.exitCode = 1;
  } else console.error(`${kind}: ${instances.length} valid`);
}
