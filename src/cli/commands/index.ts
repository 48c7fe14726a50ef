/** Every command, in the order of the help text. */

import type { DefineCommand } from '../command.ts'
import { bucket } from './bucket.ts'
import { check } from './check.ts'
import { dev } from './dev.ts'
import { doctor } from './doctor.ts'
import { join } from './join.ts'
import { jsonApi } from './json-api.ts'
import { key } from './key.ts'
import { layout } from './layout.ts'
import { node } from './node.ts'
import { plan } from './plan.ts'
import { recover } from './recover.ts'
import { repair } from './repair.ts'
import { safeToStop } from './safe-to-stop.ts'
import { scrub } from './scrub.ts'
import { sim } from './sim.ts'
import { server } from './server.ts'
import { status } from './status.ts'

export const commands: readonly DefineCommand[] = [
  dev,
  server,
  status,
  layout,
  node,
  join,
  safeToStop,
  key,
  bucket,
  check,
  repair,
  scrub,
  recover,
  doctor,
  plan,
  sim,
  jsonApi,
]
