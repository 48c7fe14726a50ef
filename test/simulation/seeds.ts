/** The seeds of this run of the tests: others each time, unless one is asked for again. */

/** `HANGAR_TEST_SEED` when given, else from the wall clock. */
export function firstSeed(): number {
  const given = process.env['HANGAR_TEST_SEED']
  const seed = given === undefined ? Date.now() % 2 ** 32 : Number(given)
  if (!Number.isSafeInteger(seed)) throw new Error(`HANGAR_TEST_SEED is not a number: "${given}"`)
  return seed
}
