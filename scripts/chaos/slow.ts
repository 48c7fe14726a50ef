/** When a request takes long: what the nodes say of themselves just then. */

import { pause } from './client.ts'
import type { ChaosCluster } from './cluster.ts'
import type { Journal } from './journal.ts'

const LONG_MS = 9_000
const LOOK_MS = 500
const CALLS = ['GetClusterLayoutHistory', 'GetClusterStatus', 'GetClusterHealth'] as const

export interface Watch {
  readonly cluster: ChaosCluster
  readonly journal: Journal
  readonly tell: (what: string) => void
  readonly isOver: () => boolean
}

/** Tells once; ends with the load. */
export async function watchSlow({ cluster, journal, tell, isOver }: Watch): Promise<void> {
  while (!isOver()) {
    await pause(LOOK_MS)
    const long = [...journal.underWay].filter(({ began }) => performance.now() - began > LONG_MS)
    if (long.length === 0) continue
    tell(`slow: ${long.map(({ what }) => what).join(', ')}`)
    for (const node of cluster.nodes) {
      for (const call of CALLS) {
        const { text } = await node.ask(`/v2/${call}`).catch(String).then(asAnswer)
        tell(`${node.name} ${call}: ${text.replaceAll(/\s+/g, ' ').slice(0, 1_500)}`)
      }
    }
    return
  }
}

function asAnswer(answer: string | { readonly text: string }): { readonly text: string } {
  return typeof answer === 'string' ? { text: answer } : answer
}
