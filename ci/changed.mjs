#!/usr/bin/env node
/**
 * What a branch changed since it left main, and which jobs that calls for.
 *
 *   node ci/changed.mjs              the files and the jobs
 *   node ci/changed.mjs --job NAME   exit code 0 when that job has something to do, 1 when not
 */
import { spawnSync } from 'node:child_process';
import { isMain, root } from './lib/root.mjs';
import { jobsFor } from './lib/rules.mjs';

function git(cwd, ...args) {
  const { status, stdout } = spawnSync('git', args, { cwd, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 });
  return status === 0 ? stdout : undefined;
}

/**
 * Files that differ from the merge base with main, with what is not committed yet.
 * @returns undefined where that cannot be told (no main, no common history) or does not matter (main itself)
 */
export function changedFiles({ cwd = root, main = 'main' } = {}) {
  const head = git(cwd, 'rev-parse', 'HEAD')?.trim();
  const branch = git(cwd, 'rev-parse', '--abbrev-ref', 'HEAD')?.trim();
  if (head === undefined || branch === main || process.env.CIRCLE_BRANCH === main) return undefined;
  const base = git(cwd, 'merge-base', 'HEAD', `origin/${main}`) ?? git(cwd, 'merge-base', 'HEAD', main);
  if (base === undefined) return undefined;
  const diff = git(cwd, 'diff', '--name-only', '--no-renames', '-z', base.trim());
  const untracked = git(cwd, 'ls-files', '--others', '--exclude-standard', '-z');
  if (diff === undefined || untracked === undefined) return undefined;
  return [...new Set([...diff.split('\0'), ...untracked.split('\0')])].filter((file) => file !== '').sort();
}

if (isMain(import.meta.url)) {
  const files = changedFiles();
  const jobs = jobsFor(files);
  const index = process.argv.indexOf('--job');
  if (index > 0) {
    process.exitCode = jobs.includes(process.argv[index + 1]) ? 0 : 1;
  } else {
    console.log(files === undefined ? 'Everything counts as changed.' : `Changed: ${files.join(' ') || 'nothing'}`);
    console.log(`Jobs: ${jobs.join(' ') || 'none'}`);
  }
}
