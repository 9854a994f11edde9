/** Tests that need something which a machine may lack: where it is missing they are skipped, with the reason on stderr. */

/** `test` where the condition holds, else `test.skip`. `reason` says what is missing, and who could bring it. */
export function testWhere(holds: boolean, reason: string): jest.It {
  if (!holds) console.warn(`skipped: ${reason}`);
  return holds ? test : test.skip;
}

/** The same for a `describe`. */
export function describeWhere(holds: boolean, reason: string): jest.Describe {
  if (!holds) console.warn(`skipped: ${reason}`);
  return holds ? describe : describe.skip;
}
