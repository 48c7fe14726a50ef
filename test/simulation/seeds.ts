/** The seeds of this run of the tests: the same each time, unless others are asked for. */

/** `HANGAR_TEST_SEED` when given. `hangar sim --from` looks at others. */
export function firstSeed(): number {
  const given = process.env['HANGAR_TEST_SEED']
  const seed = given === undefined ? 10_001 : Number(given)
  if (!Number.isSafeInteger(seed)) throw new Error(`HANGAR_TEST_SEED is not a number: "${given}"`)
  return seed
}
