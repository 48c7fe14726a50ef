/** What those have in common who ask several nodes for things that contradict each other. */

import { DomainError } from '../../base/errors.ts'
import type { Store } from '../../store/store.ts'
import { stackOf, type SimulatedNode } from '../node.ts'
import type { World } from '../world.ts'

/** Asks one of the nodes; undefined when none of them is up. */
export function asked<Value>(
  { rng }: World,
  nodes: readonly SimulatedNode[],
  work: (store: Store) => Promise<Value>,
): Promise<Value> | undefined {
  const up = nodes.filter(({ product }) => product !== undefined)
  return up.length === 0 ? undefined : work(rng.pick(up).product!.store)
}

/** What became of a question: its value, a code that is an answer too, an error without any. */
export interface Outcome<Value> {
  readonly value?: Value
  readonly code?: string
  readonly error?: string
}

/** @returns nothing in it where nothing is known */
export async function outcomeOf<Value>(
  work: Promise<Value>,
  answers: ReadonlySet<string>,
): Promise<Outcome<Value>> {
  try {
    return { value: await work }
  } catch (error) {
    if (!(error instanceof DomainError)) return { error: stackOf(error) }
    const code: string = (error as DomainError).code
    return answers.has(code) ? { code } : {}
  }
}
