/** A process that opens a LevelDB folder (its argument), says so, and holds it until its standard input ends. */

import { openLevelEngine } from '../../src/db/level.ts'

const engine = await openLevelEngine(process.argv[2]!, { create: true })
process.stdout.write('open\n')
process.stdin.resume()
process.stdin.once('end', () => void engine.close())
