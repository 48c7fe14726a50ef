/** What a load is: its clients, what each does over and over, and how its history is judged. */

import type { Client } from '../client.ts'
import type { Journal } from '../journal.ts'

export interface Workload {
  /** As the docs have it: W1 … */
  readonly name: string
  readonly sentence: string
  readonly clients: number
  /** A client waits up to this long between operations: so that a small machine is not the fault. */
  readonly thinkMs: number
  /** Shorter cells would not come to what it is about. */
  readonly secondsMin: number
  /** One run of it. */
  start(): Load
}

export interface Load {
  /** One or a few operations of a client. */
  turn(client: Client): Promise<void>
  /** Everything wrong with what happened, a sentence each. */
  judge(journal: Journal): string[]
}
