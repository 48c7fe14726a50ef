/** How long calls took lately, by peer and endpoint: what to expect of the next one. */

import type { NodeId } from '../base/ids.ts'
import { LATENCIES_KEPT } from '../base/limits.ts'

const EXPECTED_QUANTILE = 0.95
/** With fewer calls than this nothing is expected yet. */
const SAMPLES_MIN = 16
/** The expectation is computed again after this many calls. */
const SAMPLES_BETWEEN = 8

interface Recent {
  readonly samples: Float64Array
  count: number
  expectedMs: number | undefined
  staleness: number
}

export class Latencies {
  readonly #recent = new Map<NodeId, Map<string, Recent>>()

  note(peer: NodeId, endpoint: string, ms: number): void {
    let endpoints = this.#recent.get(peer)
    if (endpoints === undefined) this.#recent.set(peer, (endpoints = new Map<string, Recent>()))
    let recent = endpoints.get(endpoint)
    if (recent === undefined) {
      const samples = new Float64Array(LATENCIES_KEPT)
      recent = { samples, count: 0, expectedMs: undefined, staleness: 0 }
      endpoints.set(endpoint, recent)
    }
    recent.samples[recent.count % LATENCIES_KEPT] = ms
    recent.count += 1
    recent.staleness += 1
  }

  /** The time within which 95 of 100 recent calls were answered; undefined without enough calls. */
  expectedMs(peer: NodeId, endpoint: string): number | undefined {
    const recent = this.#recent.get(peer)?.get(endpoint)
    if (recent === undefined || recent.count < SAMPLES_MIN) return undefined
    if (recent.expectedMs === undefined || recent.staleness >= SAMPLES_BETWEEN) {
      const kept = recent.samples.slice(0, Math.min(recent.count, LATENCIES_KEPT)).sort()
      recent.expectedMs = kept[Math.ceil(EXPECTED_QUANTILE * kept.length) - 1]!
      recent.staleness = 0
    }
    return recent.expectedMs
  }

  forget(peer: NodeId): void {
    this.#recent.delete(peer)
  }
}
