/** JUnit XML of every attempt: a file that was run again shows as `file (attempt 2)`, so that nothing is hidden. */
export function junit(attempts) {
  const suites = attempts.flatMap((results, attempt) => results.map((result) => suite(result, attempt)));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('')}</testsuites>\n`;
}

function suite(result, attempt) {
  const cases =
    result.cases.length > 0 ? result.cases : [{ name: 'loads', ok: result.ok, ms: 0, message: result.message }];
  const name = attempt === 0 ? result.file : `${result.file} (attempt ${attempt + 1})`;
  const failures = cases.filter(({ ok }) => !ok).length;
  const head = attributes({ name, tests: cases.length, failures, time: seconds(result.ms) });
  return `<testsuite ${head}>\n${cases.map((test) => testCase(test, result.file, name)).join('')}</testsuite>\n`;
}

function testCase({ name, ok, skipped, ms, message }, file, classname) {
  const head = attributes({ name, classname, file, time: seconds(ms) });
  if (skipped) return `<testcase ${head}><skipped/></testcase>\n`;
  if (ok) return `<testcase ${head}/>\n`;
  return `<testcase ${head}><failure>${escape(message ?? '')}</failure></testcase>\n`;
}

const seconds = (ms) => (ms / 1000).toFixed(3);

const attributes = (values) =>
  Object.entries(values)
    .map(([key, value]) => `${key}="${escape(String(value))}"`)
    .join(' ');

/* eslint-disable no-control-regex */
/** XML 1.0 has no place for most control characters, not even escaped; colours in messages are full of them. */
function escape(text) {
  return text
    .replace(/\u001b\[[0-9;]*m/g, '')
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
