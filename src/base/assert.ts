/** Invariants: a condition that cannot be false unless the program itself is wrong. */

/** Thrown by a broken invariant. Nothing catches it: the process ends and says where. */
export class AssertionFault extends Error {
  override readonly name = 'AssertionFault'
}

/** Ends the program (by `AssertionFault`) unless `condition` holds. Never for input from outside. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionFault(message)
}
