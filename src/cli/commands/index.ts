/** Every command, in the order of the help text. */

import type { DefineCommand } from '../command.ts'
import { adminToken } from './admin-token.ts'
import { block } from './block.ts'
import { bucket } from './bucket.ts'
import { check } from './check.ts'
import { completion } from './completion.ts'
import { dev } from './dev.ts'
import { doctor } from './doctor.ts'
import { join } from './join.ts'
import { jsonApi } from './json-api.ts'
import { key } from './key.ts'
import { layout } from './layout.ts'
import { meta } from './meta.ts'
import { node } from './node.ts'
import { plan } from './plan.ts'
import { recover } from './recover.ts'
import { repair } from './repair.ts'
import { safeToStop } from './safe-to-stop.ts'
import { scrub } from './scrub.ts'
import { sim } from './sim.ts'
import { server } from './server.ts'
import { stats } from './stats.ts'
import { status } from './status.ts'
import { worker } from './worker.ts'

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
  adminToken,
  stats,
  worker,
  block,
  check,
  repair,
  scrub,
  recover,
  doctor,
  plan,
  sim,
  meta,
  jsonApi,
  completion,
]
