/** Links that did not come about: counted by name, logged, but not once for every knock. */

import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { Metrics } from '../../base/metrics.ts'
import type { NetError } from '../errors.ts'

const SILENCE_MICROS = 60_000_000
const REMEMBERED_MAX = 256
/** What happens when all is well: a node that finds itself, two that dial each other at once. */
const usual = new Set(['OwnAddress', 'AlreadyLinked', 'Stopped'])

export class RefusalLog {
  readonly #clock: Clock
  readonly #log: Log
  readonly #count: (amount?: number, labels?: Readonly<Record<string, string>>) => void
  readonly #logged = new Map<string, number>()

  constructor(clock: Clock, log: Log, metrics: Metrics) {
    this.#clock = clock
    this.#log = log
    this.#count = metrics.counter('mesh_refusals_total', 'Links that did not come about, by name')
  }

  /** @param host without the port, which differs with each knock */
  note(host: string, error: NetError): void {
    const found = error.details['refusal']
    const name = typeof found === 'string' ? found : error.code
    this.#count(1, { name })
    const key = `${host} ${name}`
    const now = this.#clock.monotonicMicros()
    const isRecent = now - (this.#logged.get(key) ?? -Infinity) < SILENCE_MICROS
    if (usual.has(name) || isRecent) {
      this.#log.debug({ host, name }, error.message)
      return
    }
    this.#logged.delete(key)
    this.#logged.set(key, now)
    if (this.#logged.size > REMEMBERED_MAX) {
      const [eldest] = this.#logged.keys()
      this.#logged.delete(eldest!)
    }
    this.#log.warn({ host, name }, error.message)
  }
}
